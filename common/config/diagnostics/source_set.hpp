// SPDX-License-Identifier: Apache-2.0
// SourceSet: the files one configuration is read from. Each file gets a range of offsets of its
// own, as if they stood behind one another, so that a Span alone tells file, line and column.
// Threads: grows and hides on the loading thread only.
// Limits: offsets are 32 bits; files.hpp keeps all files together far below that.
// Ownership: shared by document, diagnostics and readers. The first file is the main one; its
// offsets start at 0.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/diagnostics/source.hpp"

namespace seyir::config {

class SourceSet {
  public:
    /// `directory` is where relative paths in the file start; "" = not known.
    explicit SourceSet(std::shared_ptr<SourceFile> main, std::string directory = "");

    /// The offset at which the file's own offset 0 now stands.
    uint32_t add(std::shared_ptr<SourceFile> file, std::string directory);

    const SourceFile& main() const { return *files_.front().file; }

    size_t size() const { return files_.size(); }

    const SourceFile& file(size_t index) const { return *files_[index].file; }

    struct Local {
        const SourceFile& file;
        Span span;  ///< within that file
    };

    Local local(Span span) const;

    const SourceFile& file_at(uint32_t offset) const { return *find(offset).file; }

    const std::string& directory_at(uint32_t offset) const { return find(offset).directory; }

    std::string_view slice(Span span) const;
    Position position(uint32_t offset) const;
    void hide(Span secret);

    /// "agent.yaml:4:2", without the file's folder.
    std::string place_name(Span span) const;

  private:
    struct Part {
        std::shared_ptr<SourceFile> file;
        std::string directory;
        uint32_t begin = 0;
    };

    const Part& find(uint32_t offset) const;

    std::vector<Part> files_;
};

}  // namespace seyir::config

// SPDX-License-Identifier: Apache-2.0
// ProcSource: a kernel file that is read again and again through one descriptor; and the cursor the
// collectors walk it with.
// Threads: one owner.   Limits: 4 MiB a file.   Format/spec: proc(5).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/io/file_system.hpp"

namespace seyir::agent::hostmetrics {

class ProcSource {
  public:
    static constexpr size_t kBytesMax = 4 << 20;

    ProcSource(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

    /// The whole file, in `buffer` (kept by the caller, so that nothing is allocated once it is
    /// large enough); "" when the kernel does not have it or refuses.
    std::string_view read(std::string& buffer);

    const std::string& path() const { return path_; }

  private:
    io::FileSystem& fs_;
    std::string path_;
    std::unique_ptr<io::File> file_;
    unsigned tries_left_ = 3;  ///< a file that is not there is not looked for for ever
};

/// Cuts text into lines and lines into words (blanks and tabs), without copying.
class Words {
  public:
    explicit Words(std::string_view text) : rest_(text) {}

    std::string_view next();
    uint64_t next_number();

    bool done() const { return rest_.find_first_not_of(" \t") == std::string_view::npos; }

  private:
    std::string_view rest_;
};

/// The next line, without its end; false at the end of the text.
bool next_line(std::string_view& text, std::string_view& line);

/// Leading digits; 0 when there are none.
uint64_t to_number(std::string_view word);

}  // namespace seyir::agent::hostmetrics

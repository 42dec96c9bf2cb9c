// SPDX-License-Identifier: Apache-2.0
// SourceFile: the text of one configuration file and the places in it.
// Threads: immutable but for hide(), which only the loading thread calls.
// Limits: 4 MiB, checked by whoever reads the file (document.hpp).
// Ownership: shared by the document and its diagnostics; spans are byte offsets into text().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace seyir::config {

/// Half-open byte range of a source text.
struct Span {
    uint32_t begin = 0;
    uint32_t end = 0;

    bool operator==(const Span&) const = default;

    bool contains(Span other) const { return begin <= other.begin && other.end <= end; }
};

/// Both count from 1; columns are code points, as editors count them.
struct Position {
    uint32_t line = 1;
    uint32_t column = 1;
};

class SourceFile {
  public:
    /// A leading UTF-8 byte order mark is removed.
    SourceFile(std::string path, std::string text);

    const std::string& path() const { return path_; }

    const std::string& text() const { return text_; }

    std::string_view slice(Span span) const;

    /// Cost: a search over lines plus the length of one line.
    Position position(uint32_t offset) const;

    /// The range of line `line` (from 1) without its line break.
    Span line_span(uint32_t line) const;

    uint32_t line_count() const { return static_cast<uint32_t>(line_begins_.size()); }

    /// Bytes that must never be shown: rendering writes `***` in their place.
    void hide(Span secret);

    const std::vector<Span>& hidden() const { return hidden_; }

  private:
    std::string path_;
    std::string text_;
    std::vector<uint32_t> line_begins_;
    std::vector<Span> hidden_;
};

/// True for keys that commonly hold credentials (token, password, secret, api_key, ...).
bool looks_secret(std::string_view key);

}  // namespace seyir::config

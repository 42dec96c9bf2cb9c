// SPDX-License-Identifier: Apache-2.0
#include "common/config/diagnostics/source.hpp"

#include <algorithm>
#include <array>

#include "common/base/url_mask.hpp"

namespace seyir::config {

SourceFile::SourceFile(std::string path, std::string text)
    : path_(std::move(path)), text_(std::move(text)) {
    if (text_.starts_with("\xef\xbb\xbf")) {
        text_.erase(0, 3);
    }
    line_begins_.push_back(0);
    for (size_t i = 0; i < text_.size(); ++i) {
        const bool is_break = text_[i] == '\n' ||
                              (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n'));
        if (is_break) {
            line_begins_.push_back(static_cast<uint32_t>(i + 1));
        }
    }
    for (const TextRange& account : find_userinfo(text_)) {
        hide({static_cast<uint32_t>(account.begin), static_cast<uint32_t>(account.end)});
    }
}

std::string_view SourceFile::slice(Span span) const {
    const size_t begin = std::min<size_t>(span.begin, text_.size());
    const size_t end = std::clamp<size_t>(span.end, begin, text_.size());
    return std::string_view(text_).substr(begin, end - begin);
}

Position SourceFile::position(uint32_t offset) const {
    const auto after = std::upper_bound(line_begins_.begin(), line_begins_.end(), offset);
    Position position;
    position.line = static_cast<uint32_t>(after - line_begins_.begin());
    const std::string_view before = slice({*(after - 1), offset});
    for (const char c : before) {
        // Continuation bytes of UTF-8 are not columns of their own.
        position.column += (static_cast<unsigned char>(c) & 0xc0U) == 0x80U ? 0 : 1;
    }
    return position;
}

Span SourceFile::line_span(uint32_t line) const {
    if (line == 0 || line > line_begins_.size()) {
        return {};
    }
    const uint32_t begin = line_begins_[line - 1];
    uint32_t end =
        line < line_begins_.size() ? line_begins_[line] : static_cast<uint32_t>(text_.size());
    while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) {
        --end;
    }
    return {begin, end};
}

void SourceFile::hide(Span secret) {
    if (secret.begin < secret.end && std::ranges::find(hidden_, secret) == hidden_.end()) {
        hidden_.push_back(secret);
    }
}

bool looks_secret(std::string_view key) {
    static constexpr std::array<std::string_view, 9> kParts = {
        "token",
        "secret",
        "passw",
        "credential",
        "api_key",
        "apikey",
        "authorization",
        "bearer",
        "hash",
    };
    std::string lower;
    for (const char c : key) {
        lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return std::ranges::any_of(kParts, [&](std::string_view part) {
        return lower.find(part) != std::string::npos;
    });
}

}  // namespace seyir::config

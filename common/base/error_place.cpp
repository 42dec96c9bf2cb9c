// SPDX-License-Identifier: Apache-2.0
#include "common/base/error_place.hpp"

#include <algorithm>
#include <charconv>

namespace seyir {
namespace {

/// Reads `before` and a number behind it off the front of `rest`.
std::optional<size_t> take_number(std::string_view& rest, std::string_view before) {
    if (!rest.starts_with(before)) {
        return std::nullopt;
    }
    size_t number = 0;
    const char* begin = rest.data() + before.size();
    const auto [end, ec] = std::from_chars(begin, rest.data() + rest.size(), number);
    if (ec != std::errc{} || number == 0) {
        return std::nullopt;
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    return number;
}

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

std::optional<size_t> offset_of(std::string_view text, size_t line, size_t column) {
    size_t at = 0;
    for (; line > 1; --line) {
        at = text.find('\n', at);
        if (at == std::string_view::npos) {
            return std::nullopt;
        }
        ++at;
    }
    for (; column > 1; --column) {
        if (at >= text.size() || text[at] == '\n') {
            return std::nullopt;
        }
        do {
            ++at;
        } while (at < text.size() && is_continuation(text[at]));
    }
    return at;
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

size_t word_length(std::string_view text) {
    const auto end = std::ranges::find_if_not(text, is_word);
    const auto length = static_cast<size_t>(end - text.begin());
    return length > 0 ? length : std::min<size_t>(text.size(), 1);
}

}  // namespace

std::optional<ErrorPlace> error_place(const Error& error, std::string_view text) {
    const std::string_view message = error.message;
    const size_t first_end = std::min(message.find('\n'), message.size());
    const std::string_view first = message.substr(0, first_end);
    const size_t begin = first.find("at line ");
    if (begin == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = first.substr(begin);
    const auto line = take_number(rest, "at line ");
    const auto column = line ? take_number(rest, ", col ") : std::nullopt;
    const auto offset = column ? offset_of(text, *line, *column) : std::nullopt;
    if (!offset || !rest.starts_with(": ")) {
        return std::nullopt;
    }
    ErrorPlace place{
        .offset_bytes = *offset,
        .length_bytes = word_length(text.substr(*offset)),
        .what = std::string(rest.substr(2)),
        .hint = "",
        .notes = {}
    };
    for (size_t at = first_end; at < message.size();) {
        const size_t end = std::min(message.find('\n', at + 1), message.size());
        const std::string_view part = message.substr(at + 1, end - at - 1);
        if (part.starts_with("hint: ")) {
            place.hint = part.substr(6);
        } else if (!part.empty() && !part.starts_with("  ")) {
            place.notes.emplace_back(part);
        }
        at = end;
    }
    return place;
}

}  // namespace seyir

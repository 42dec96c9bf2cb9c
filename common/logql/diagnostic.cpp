// SPDX-License-Identifier: Apache-2.0
#include "common/logql/diagnostic.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::logql {
namespace {

// A query may be 128 KiB in one line; an error message must not be.
constexpr size_t kShownBytesMax = 160;

bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

size_t characters(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(text, starts_character));
}

/// The line that holds `at`, cut around it when long, and the caret below.
std::string excerpt(std::string_view text, Offset at) {
    const size_t line_begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 == 0
    size_t line_end = text.find('\n', at);
    line_end = line_end == std::string_view::npos ? text.size() : line_end;
    size_t from = line_begin;
    if (at - line_begin > kShownBytesMax / 2) {
        from = at - kShownBytesMax / 2;
        while (from < at && !starts_character(text[from])) {
            ++from;
        }
    }
    size_t to = std::min(line_end, from + kShownBytesMax);
    while (to < line_end && !starts_character(text[to])) {
        ++to;
    }
    std::string shown(text.substr(from, to - from));
    std::ranges::replace(shown, '\t', ' ');
    const size_t indent = characters(text.substr(from, at - from));
    return fmt::format("\n  {}\n  {}^", shown, std::string(indent, ' '));
}

Error error_at(
    ErrorCode code, std::string_view text, Offset at, std::string_view what, std::string_view hint
) {
    at = std::min<Offset>(at, static_cast<Offset>(text.size()));
    const LineColumn place = line_column(text, at);
    std::string message = fmt::format(
        "parse error at line {}, col {}: {}{}", place.line, place.column, what, excerpt(text, at)
    );
    if (!hint.empty()) {
        message += fmt::format("\nhint: {}", hint);
    }
    return Error{code, std::move(message)};
}

}  // namespace

LineColumn line_column(std::string_view text, Offset at) {
    const std::string_view before = text.substr(0, at);
    const size_t newline = before.rfind('\n');
    const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    return {
        static_cast<uint32_t>(std::ranges::count(before, '\n') + 1),
        static_cast<uint32_t>(characters(before.substr(begin)) + 1),
    };
}

Error parse_error(std::string_view text, Offset at, std::string_view what, std::string_view hint) {
    return error_at(ErrorCode::kInvalidArgument, text, at, what, hint);
}

Error unsupported_error(std::string_view text, Offset at, std::string_view what) {
    return error_at(
        ErrorCode::kUnsupported, text, at, fmt::format("{} is not supported yet", what), ""
    );
}

}  // namespace seyir::logql

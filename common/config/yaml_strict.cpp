// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_strict.hpp"

#include <algorithm>
#include <string_view>

namespace seyir::config {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_break(char c) {
    return c == '\n' || c == '\r';
}

Diagnostic problem(size_t at, std::string message, std::string hint) {
    const auto begin = static_cast<uint32_t>(at);
    return {
        .code = kSyntax,
        .at = Span{begin, begin + 1},
        .message = std::move(message),
        .hint = std::move(hint)
    };
}

Diagnostic tab_problem(size_t at) {
    return problem(at, "a tab cannot indent YAML", "use spaces");
}

size_t line_begin(std::string_view text, size_t at) {
    while (at > 0 && !is_break(text[at - 1])) {
        --at;
    }
    return at;
}

/// A tab may end a line, stand before a comment, or between `:` and its value.
bool is_tab_fine(std::string_view text, size_t at, size_t end) {
    size_t next = at;
    while (next < end && is_blank(text[next])) {
        ++next;
    }
    if (next >= text.size() || is_break(text[next]) || text[next] == '#') {
        return true;
    }
    size_t before = at;
    while (before > 0 && is_blank(text[before - 1])) {
        --before;
    }
    return next == end && before > 0 && text[before - 1] == ':' &&
           !(text[next] == '-' && next + 1 < text.size() && is_blank(text[next + 1]));
}

/// Lines after the first of a scalar that goes over several.
std::optional<Diagnostic> check_continuation(std::string_view text, const ScalarPlace& scalar) {
    for (size_t at = scalar.at.begin; at < scalar.at.end; ++at) {
        if (!is_break(text[at])) {
            continue;
        }
        size_t first = at + 1;
        while (first < scalar.at.end && text[first] == ' ') {
            ++first;
        }
        size_t content = first;
        while (content < scalar.at.end && is_blank(text[content])) {
            ++content;
        }
        if (content >= scalar.at.end || is_break(text[content])) {
            continue;
        }
        if (content != first) {
            return tab_problem(first);
        }
        if (scalar.block_column >= 0 &&
            first - (at + 1) <= static_cast<size_t>(scalar.block_column)) {
            return problem(
                first,
                "a value that goes on here must be indented further than its key",
                "indent this line, or close the quote above"
            );
        }
    }
    return std::nullopt;
}

std::optional<Diagnostic> check_block(std::string_view text, const ScalarPlace& scalar) {
    size_t at = scalar.at.begin + 1;
    bool has_indent = false;
    while (at < text.size() &&
           (text[at] == '+' || text[at] == '-' || (text[at] >= '0' && text[at] <= '9'))) {
        has_indent |= text[at] >= '0' && text[at] <= '9';
        ++at;
    }
    if (at < text.size() && text[at] == '#') {
        return problem(at, "a comment needs a blank before its `#`", "add a blank");
    }
    while (at < text.size() && !is_break(text[at])) {
        ++at;
    }
    // The first line with content sets the indentation; blank lines above may not be longer.
    size_t blank_max = 0;
    size_t blank_at = at;
    while (at < text.size() && !has_indent) {
        const size_t begin =
            at + (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1);
        size_t content = begin;
        while (content < text.size() && text[content] == ' ') {
            ++content;
        }
        const size_t indent = content - begin;
        if (content < text.size() && !is_break(text[content])) {
            const bool is_inside =
                scalar.block_column < 0 || indent > static_cast<size_t>(scalar.block_column);
            if (is_inside && blank_max > indent) {
                return problem(
                    blank_at,
                    "this blank line is longer than the text below is indented",
                    "remove its blanks"
                );
            }
            return std::nullopt;
        }
        if (indent > blank_max) {
            blank_max = indent;
            blank_at = begin;
        }
        at = content;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Diagnostic> check_gap(const SourceFile& source, Span gap) {
    const std::string_view text = source.text();
    const size_t end = std::min<size_t>(gap.end, text.size());
    for (size_t at = gap.begin; at < end; ++at) {
        if (text[at] == '#') {
            if (at > 0 && !is_blank(text[at - 1]) && !is_break(text[at - 1])) {
                return problem(at, "a comment needs a blank before its `#`", "add a blank");
            }
            while (at < end && !is_break(text[at])) {
                ++at;
            }
        } else if (text[at] == '\t' && !is_tab_fine(text, at, end)) {
            return tab_problem(at);
        }
    }
    return std::nullopt;
}

std::optional<Diagnostic> check_scalar_place(const SourceFile& source, const ScalarPlace& scalar) {
    const std::string_view text = source.text();
    if (scalar.style == ScalarStyle::kBlock) {
        return check_block(text, scalar);
    }
    if (scalar.style == ScalarStyle::kPlain && source.slice(scalar.at) == "-") {
        return problem(scalar.at.begin, "a `-` alone is not a value", "quote it: '-'");
    }
    if (scalar.is_in_flow && scalar.block_column >= 0 && scalar.at.begin < scalar.at.end) {
        const size_t begin = line_begin(text, scalar.at.begin);
        const std::string_view before = text.substr(begin, scalar.at.begin - begin);
        const bool is_first = std::ranges::all_of(before, is_blank);
        if (is_first && before.size() <= static_cast<size_t>(scalar.block_column)) {
            return problem(
                scalar.at.begin,
                "this line must be indented further than the key it belongs to",
                "indent it"
            );
        }
    }
    return check_continuation(text, scalar);
}

}  // namespace seyir::config

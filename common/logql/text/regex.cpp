// SPDX-License-Identifier: Apache-2.0
#include "common/logql/text/regex.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>
#include <re2/re2.h>

#include "common/base/text.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql {
namespace {

RE2::Options options(RE2::Options::Encoding encoding) {
    RE2::Options result;
    result.set_encoding(encoding);
    result.set_dot_nl(true);
    result.set_log_errors(false);
    result.set_max_mem(kRegexMemoryMax);
    return result;
}

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

/// Index after the group or class that opens at `at`; npos when it does not close.
size_t skip_class(std::string_view pattern, size_t at) {
    size_t i = at + 1;
    i += i < pattern.size() && pattern[i] == '^' ? 1 : 0;
    i += i < pattern.size() && pattern[i] == ']' ? 1 : 0;
    for (; i < pattern.size(); ++i) {
        if (pattern[i] == '\\') {
            ++i;
        } else if (pattern.substr(i).starts_with("[:")) {
            const size_t close = pattern.find(":]", i + 2);
            if (close == std::string_view::npos) {
                return close;
            }
            i = close + 1;
        } else if (pattern[i] == ']') {
            return i + 1;
        }
    }
    return std::string_view::npos;
}

size_t skip_group(std::string_view pattern, size_t at) {
    size_t i = at + 1;
    while (i < pattern.size() && pattern[i] != ')') {
        if (pattern[i] == '\\') {
            i += 2;
        } else if (pattern[i] == '[' || pattern[i] == '(') {
            i = pattern[i] == '[' ? skip_class(pattern, i) : skip_group(pattern, i);
            if (i == std::string_view::npos) {
                return i;
            }
        } else {
            ++i;
        }
    }
    return i < pattern.size() ? i + 1 : std::string_view::npos;
}

/// Removes the last character, however many bytes it has: a quantifier makes it optional.
void pop_character(std::string& run) {
    while (!run.empty() && (static_cast<unsigned char>(run.back()) & 0xc0) == 0x80) {
        run.pop_back();
    }
    if (!run.empty()) {
        run.pop_back();
    }
}

}  // namespace

std::string required_literal(std::string_view pattern) {
    // Flags could make it case-insensitive or change what follows; groups nest too deep to walk.
    if (pattern.find("(?i") != std::string_view::npos || pattern.size() > 1000) {
        return "";
    }
    for (size_t at = pattern.find("(?"); at != std::string_view::npos;
         at = pattern.find("(?", at + 1)) {
        const char next = at + 2 < pattern.size() ? pattern[at + 2] : '\0';
        if (next != ':' && next != 'P') {
            return "";
        }
    }
    std::string best;
    std::string run;
    const auto end_run = [&] {
        if (run.size() > best.size()) {
            best = run;
        }
        run.clear();
    };
    for (size_t i = 0; i < pattern.size();) {
        const char c = pattern[i];
        if (c == '|') {
            return "";
        }
        if (c == '\\') {
            const char escaped = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
            const bool plain = escaped != '\0' &&
                               !std::isalnum(static_cast<unsigned char>(escaped)) &&
                               static_cast<unsigned char>(escaped) < 0x80;
            if (plain) {
                run += escaped;
            } else if (std::string_view("dDwWsSbBAz").find(escaped) != std::string_view::npos &&
                       escaped != '\0') {
                end_run();
            } else {
                return "";
            }
            i += 2;
        } else if (c == '(' || c == '[') {
            end_run();
            i = c == '[' ? skip_class(pattern, i) : skip_group(pattern, i);
            if (i == std::string_view::npos) {
                return "";
            }
        } else if (c == '*' || c == '?' || c == '{') {
            pop_character(run);
            end_run();
            if (c == '{') {
                const size_t close = pattern.find('}', i);
                const std::string_view counts = pattern.substr(i + 1, close - i - 1);
                if (close == std::string_view::npos ||
                    counts.find_first_not_of("0123456789,") != std::string_view::npos) {
                    return "";
                }
                i = close;
            }
            ++i;
        } else if (c == '.' || c == '^' || c == '$' || c == '+') {
            end_run();
            ++i;
        } else {
            run += c;
            ++i;
        }
    }
    end_run();
    return best;
}

std::string expand_template(
    std::string_view text,
    const std::vector<std::string_view>& groups,
    const std::vector<std::string>& names
) {
    const auto value_of = [&](std::string_view name) -> std::string_view {
        size_t index = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
        if (error != std::errc() || end != name.data() + name.size()) {
            index = static_cast<size_t>(std::ranges::find(names, name) - names.begin());
        }
        return index < groups.size() ? groups[index] : std::string_view();
    };
    std::string out;
    for (size_t i = 0; i < text.size();) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i++];
            continue;
        }
        ++i;
        if (text[i] == '$') {
            out += '$';
            ++i;
            continue;
        }
        const bool braced = text[i] == '{';
        const size_t begin = i + (braced ? 1 : 0);
        size_t end = begin;
        while (end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
            ++end;
        }
        const bool closed = !braced || (end < text.size() && text[end] == '}');
        if (end == begin || !closed) {
            out += '$';  // no name follows: the dollar stands for itself
            continue;
        }
        out += value_of(text.substr(begin, end - begin));
        i = end + (braced ? 1 : 0);
    }
    return out;
}

Regex::Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, bool anchored) {
    Regex regex;
    regex.anchored_ = anchored;
    regex.utf8_ = std::make_unique<RE2>(piece(pattern), options(RE2::Options::EncodingUTF8));
    if (!regex.utf8_->ok()) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("invalid regular expression: {}", regex.utf8_->error())
        );
    }
    const bool ascii =
        std::ranges::all_of(pattern, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) {
        regex.bytes_ = std::make_unique<RE2>(piece(pattern), options(RE2::Options::EncodingLatin1));
        if (!regex.bytes_->ok()) {
            regex.bytes_.reset();
        }
    }
    regex.group_names_.resize(static_cast<size_t>(regex.utf8_->NumberOfCapturingGroups()) + 1);
    for (const auto& [index, name] : regex.utf8_->CapturingGroupNames()) {
        regex.group_names_[static_cast<size_t>(index)] = name;
    }
    regex.literal_ = logql::required_literal(pattern);
    return regex;
}

bool Regex::matches(std::string_view text) const {
    if (literal_.size() >= 2 && !contains(text, literal_)) {
        return false;
    }
    const auto anchor = anchored_ ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
    if (utf8_->Match(piece(text), 0, text.size(), anchor, nullptr, 0)) {
        return true;
    }
    return bytes_ && !is_valid_utf8(text) &&
           bytes_->Match(piece(text), 0, text.size(), anchor, nullptr, 0);
}

bool Regex::captures(std::string_view text, std::vector<std::string_view>& groups) const {
    return find_from(text, 0, groups);
}

bool Regex::find_from(std::string_view text, size_t from, std::vector<std::string_view>& groups)
    const {
    std::vector<re2::StringPiece> found(group_names_.size());
    const auto anchor = anchored_ ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
    const auto count = static_cast<int>(found.size());
    bool matched = utf8_->Match(piece(text), from, text.size(), anchor, found.data(), count);
    if (!matched && bytes_ && !is_valid_utf8(text)) {
        matched = bytes_->Match(piece(text), from, text.size(), anchor, found.data(), count);
    }
    groups.clear();
    if (matched) {
        for (const re2::StringPiece& group : found) {
            groups.emplace_back(group.data(), group.size());
        }
    }
    return matched;
}

}  // namespace seyir::logql

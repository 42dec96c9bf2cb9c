// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/grok/library.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "plugins/filter/parse/grok/oniguruma.hpp"

namespace seyir::plugins::parse {
namespace {

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    });
}

std::optional<FieldType> type_of(std::string_view name) {
    constexpr std::pair<std::string_view, FieldType> kTypes[] = {
        {"int", FieldType::kInt},
        {"long", FieldType::kInt},
        {"integer", FieldType::kInt},
        {"float", FieldType::kFloat},
        {"double", FieldType::kFloat},
        {"bool", FieldType::kBool},
        {"boolean", FieldType::kBool},
        {"string", FieldType::kString},
    };
    for (const auto& [word, type] : kTypes) {
        if (word == name) {
            return type;
        }
    }
    return std::nullopt;
}

void open_capture(Expansion& out, std::string name, FieldType type) {
    out.regex += fmt::format("(?<g{}>", out.captures.size());
    out.captures.push_back({std::move(name), type});
}

}  // namespace

std::string field_name(std::string_view text) {
    if (text.ends_with('?')) {
        text.remove_suffix(1);
    }
    if (!text.starts_with('[')) {
        return std::string(text);
    }
    std::string name;
    for (const char c : text) {
        if (c == '[') {
            name += name.empty() ? "" : "_";
        } else if (c != ']') {
            name += c;
        }
    }
    return name;
}

Library::Library() {
    (void)add_file(kBuiltinPatterns);
}

void Library::define(std::string_view name, std::string_view pattern) {
    patterns_.insert_or_assign(std::string(name), std::string(pattern));
}

Result<void> Library::add_file(std::string_view text) {
    size_t line_number = 0;
    while (!text.empty()) {
        ++line_number;
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string_view::npos || line[begin] == '#') {
            continue;
        }
        line.remove_prefix(begin);
        const size_t space = line.find_first_of(" \t");
        const size_t pattern = line.find_first_not_of(" \t", space);
        if (space == std::string_view::npos || pattern == std::string_view::npos ||
            !is_name(line.substr(0, space))) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("line {}: NAME PATTERN is expected", line_number)
            );
        }
        define(line.substr(0, space), line.substr(pattern));
    }
    return {};
}

const std::string* Library::find(std::string_view name) const {
    const auto at = patterns_.find(name);
    return at == patterns_.end() ? nullptr : &at->second;
}

std::vector<std::string> Library::names() const {
    std::vector<std::string> names;
    for (const auto& [name, pattern] : patterns_) {
        names.push_back(name);
    }
    return names;
}

Result<Expansion> Library::expand(std::string_view pattern) const {
    Expansion out;
    SEYIR_CHECK(append(out, pattern, 0));
    return out;
}

Result<void> Library::append(Expansion& out, std::string_view pattern, int depth) const {
    if (depth > kExpandDepthMax) {
        return fail(
            ErrorCode::kInvalidArgument, "patterns nested deeper than 32: one refers to itself"
        );
    }
    OnigurumaReader in(pattern);
    while (!in.is_end()) {
        if (out.regex.size() > kExpandedBytesMax) {
            return fail(ErrorCode::kTooLarge, "the expression expands to more than 256 KiB");
        }
        if (const auto inside = in.take_reference()) {
            SEYIR_CHECK(append_reference(out, *inside, depth));
        } else if (const auto name = in.take_group_name()) {
            open_capture(out, field_name(*name), FieldType::kAsIs);
        } else {
            in.translate_next(out.regex);
        }
    }
    return {};
}

/// `inside` is NAME, NAME:field or NAME:field:type.
Result<void> Library::append_reference(Expansion& out, std::string_view inside, int depth) const {
    const size_t colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    const std::string* definition = find(name);
    if (definition == nullptr) {
        const auto all = names();
        const std::vector<std::string_view> candidates(all.begin(), all.end());
        const auto near = did_you_mean(name, candidates);
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "there is no pattern {}{}",
                name,
                near ? fmt::format("; did you mean {}?", *near) : ""
            )
        );
    }
    if (colon == std::string_view::npos) {
        out.regex += "(?:";
    } else {
        std::string_view field = inside.substr(colon + 1);
        FieldType type = FieldType::kAsIs;
        if (const size_t typed = field.rfind(':'); typed != std::string_view::npos) {
            const auto known = type_of(field.substr(typed + 1));
            if (!known) {
                return fail(
                    ErrorCode::kInvalidArgument,
                    fmt::format(
                        "%{{{}}}: there is no type {}; there are int, float, bool, string",
                        inside,
                        field.substr(typed + 1)
                    )
                );
            }
            type = *known;
            field = field.substr(0, typed);
        }
        open_capture(out, field_name(field), type);
    }
    if (auto done = append(out, *definition, depth + 1); !done) {
        return depth == 0 || done.error().message.starts_with("in ")
                   ? done
                   : Result<void>(done.error().context(fmt::format("in {}", name)));
    }
    out.regex += ')';
    return {};
}

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
#include "common/logql/extract/pattern.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/record/stream_labels.hpp"

namespace seyir::logql {

Result<Pattern> Pattern::compile(std::string_view text, Use use) {
    Pattern pattern;
    size_t named = 0;
    size_t at = 0;
    std::string literal;
    while (at < text.size()) {
        const size_t close = text[at] == '<' ? text.find('>', at) : std::string_view::npos;
        const std::string_view name =
            close == std::string_view::npos ? "" : text.substr(at + 1, close - at - 1);
        if (!is_label_name(name)) {
            literal += text[at++];
            continue;
        }
        const bool after_capture = !pattern.parts_.empty() && literal.empty();
        if (!literal.empty()) {
            pattern.parts_.push_back({false, std::move(literal)});
            literal.clear();
        }
        if (after_capture) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format(
                    "found consecutive capture '<{}><{}>'", pattern.parts_.back().text, name
                )
            );
        }
        const bool repeated = std::ranges::any_of(pattern.parts_, [&](const Part& part) {
            return part.is_capture && name != "_" && part.text == name;
        });
        if (repeated) {
            return fail(
                ErrorCode::kInvalidArgument, fmt::format("duplicate capture name ({})", name)
            );
        }
        if (name != "_" && use == Use::kLineFilter) {
            return fail(
                ErrorCode::kInvalidArgument,
                "named captures are not allowed in line filters; use <_>"
            );
        }
        named += name == "_" ? 0 : 1;
        pattern.parts_.push_back({true, std::string(name)});
        at = close + 1;
    }
    if (!literal.empty()) {
        pattern.parts_.push_back({false, std::move(literal)});
    }
    if (use == Use::kParser && named == 0) {
        return fail(ErrorCode::kInvalidArgument, "at least one capture such as <name> is required");
    }
    return pattern;
}

bool Pattern::matches(std::string_view line) const {
    if (line.empty() || parts_.empty()) {
        return line.empty() && parts_.empty();
    }
    size_t at = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
        if (parts_[i].is_capture) {
            continue;
        }
        const size_t found = line.find(parts_[i].text, at);
        const bool touches = found == at;
        if (found == std::string_view::npos || touches != (i == 0)) {
            return false;
        }
        at = found + parts_[i].text.size();
    }
    return parts_.back().is_capture == (at != line.size());
}

}  // namespace seyir::logql

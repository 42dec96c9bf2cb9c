// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/regex_parser.hpp"

#include <algorithm>

namespace seyir::plugins::parse {

std::string re2_syntax(std::string_view pattern) {
    if (pattern.size() > 2 && pattern.front() == '/' && pattern.back() == '/') {
        pattern = pattern.substr(1, pattern.size() - 2);
    }
    std::string out;
    out.reserve(pattern.size() + 16);
    bool in_class = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        out += c;
        if (c == '\\' && i + 5 < pattern.size() && pattern[i + 1] == 'u') {
            out += "x{" + std::string(pattern.substr(i + 2, 4)) + "}";
            i += 5;
        } else if (c == '\\' && i + 1 < pattern.size()) {
            out += pattern[++i];
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '[') {
            in_class = true;
            // A bracket right at the start of a class is a member of it.
            for (const char member : {'^', ']'}) {
                if (i + 1 < pattern.size() && pattern[i + 1] == member) {
                    out += pattern[++i];
                }
            }
        } else if (c == '(' && pattern.substr(i).starts_with("(?<") && i + 3 < pattern.size() &&
                   pattern[i + 3] != '=' && pattern[i + 3] != '!') {
            out += "?P<";
            i += 2;
        }
    }
    return out;
}

Result<std::shared_ptr<const RegexSet>> RegexSet::compile(const std::vector<std::string>& patterns
) {
    auto set = std::make_shared<RegexSet>();
    for (const std::string& pattern : patterns) {
        SEYIR_TRY(auto regex, logql::Regex::compile(re2_syntax(pattern), false));
        const auto& names = regex.group_names();
        if (std::ranges::all_of(names, [](const std::string& name) { return name.empty(); })) {
            return fail(
                ErrorCode::kInvalidArgument,
                "the expression has no named group, as (?P<status>[0-9]+)"
            );
        }
        set->expressions_.push_back(std::move(regex));
    }
    return std::shared_ptr<const RegexSet>(std::move(set));
}

std::optional<Miss> RegexParser::parse(Slice text, FieldWriter& out) {
    for (const logql::Regex& regex : set_->expressions()) {
        if (!regex.captures(text, groups_)) {
            continue;
        }
        const auto& names = regex.group_names();
        for (size_t i = 1; i < groups_.size() && i < names.size(); ++i) {
            if (!names[i].empty() && groups_[i].data() != nullptr) {
                out.add_text(names[i], groups_[i]);
            }
        }
        return std::nullopt;
    }
    return Miss{"no_match", "no expression matches", 0};
}

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_selection.hpp"

#include <algorithm>

namespace seyir::agent::hostmetrics {

bool matches_pattern(std::string_view pattern, std::string_view name) {
    size_t p = 0;
    size_t n = 0;
    size_t star = std::string_view::npos;  // where to go back to, with one byte more for the star
    size_t taken = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool NameSelection::takes(std::string_view name, bool is_left_out_by_default) const {
    const auto fits = [&](const std::string& pattern) { return matches_pattern(pattern, name); };
    if (std::ranges::any_of(exclude, fits)) {
        return false;
    }
    return include.empty() ? !is_left_out_by_default : std::ranges::any_of(include, fits);
}

}  // namespace seyir::agent::hostmetrics

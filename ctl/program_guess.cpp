// SPDX-License-Identifier: Apache-2.0
#include "ctl/program_guess.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/text.hpp"

namespace seyir::ctl {

namespace {

// Longer ones are no misspelling of a key.
constexpr size_t kKeyBytesMax = 32;

/// A key at the beginning of a line is a top-level one.
bool has_key(std::string_view text, std::string_view key) {
    for (size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        const bool begins = at == 0 || text[at - 1] == '\n';
        if (begins && text.substr(at + key.size()).starts_with(':')) {
            return true;
        }
    }
    return false;
}

/// The program that the first nearly right top-level key belongs to; "" when there is none.
std::string_view guess_by_near_key(std::string_view text) {
    static constexpr std::array<std::string_view, 3> kKeys{"state_dir", "host_metrics", "data_dir"};
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto colon = line.find(':');
        // A key starts its line with a letter; nested ones, comments and items do not.
        const bool is_key = colon != std::string_view::npos && colon <= kKeyBytesMax &&
                            line[0] >= 'a' && line[0] <= 'z';
        const auto near = is_key ? did_you_mean(line.substr(0, colon), kKeys) : std::nullopt;
        if (near) {
            return *near == "data_dir" ? "collector" : "agent";
        }
    }
    return "";
}

}  // namespace

std::string guess_program(std::string_view path, std::string_view text) {
    const bool is_agent = has_key(text, "state_dir") || has_key(text, "host_metrics");
    const bool is_collector = has_key(text, "data_dir");
    if (is_agent != is_collector) {
        return is_agent ? "agent" : "collector";
    }
    const auto name = path.substr(path.rfind('/') + 1);
    const bool names_agent = name.find("agent") != std::string_view::npos;
    const bool names_collector = name.find("collector") != std::string_view::npos;
    if (names_agent != names_collector) {
        return names_agent ? "agent" : "collector";
    }
    return std::string(guess_by_near_key(text));
}

}  // namespace seyir::ctl

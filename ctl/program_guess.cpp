// SPDX-License-Identifier: Apache-2.0
#include "ctl/program_guess.hpp"

namespace seyir::ctl {

namespace {

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
    return "";
}

}  // namespace seyir::ctl

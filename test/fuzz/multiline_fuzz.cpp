// SPDX-License-Identifier: Apache-2.0
// Any text through every preset: each line is in one group, in order; parts of container lines lose
// no byte of their text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/multiline/rules.hpp"

namespace {

using namespace seyir::multiline;

const std::vector<RulesPtr>& all_rules() {
    static const std::vector<RulesPtr> kRules = [] {
        std::vector<RulesPtr> made;
        for (const Preset& preset : Rules::presets()) {
            made.push_back(*Rules::compile({.preset = std::string(preset.name)}));
        }
        made.push_back(*Rules::compile({.start = "^[a-c]", .cont = "^ ", .end = "z$"}));
        return made;
    }();
    return kRules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const RulesPtr& rules : all_rules()) {
        uint16_t state = 0;
        std::string_view group;
        size_t records = 0;
        const auto end_group = [&] {
            if (group.data() != nullptr && !rules->keeps_lines()) {
                size_t bytes = 0;
                rules->records(group, 1'000, [&](std::string_view record) {
                    bytes += record.size();
                    ++records;
                });
                if (bytes > group.size() + 2'000) {
                    std::abort();
                }
            }
            group = {};
        };
        for (size_t at = 0, end; (end = text.find('\n', at)) != std::string_view::npos;
             at = end + 1) {
            const bool was_open = state != 0;
            const auto step = rules->step(state, text.substr(at, end - at));
            if ((!was_open && !step.begins) || (step.closes && state != 0)) {
                std::abort();
            }
            if (step.begins) {
                end_group();
            }
            const size_t begin =
                group.data() == nullptr ? at : static_cast<size_t>(group.data() - text.data());
            group = text.substr(begin, end - begin);
            if (step.closes) {
                end_group();
            }
        }
        end_group();
    }
    return 0;
}

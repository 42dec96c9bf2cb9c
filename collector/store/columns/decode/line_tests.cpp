// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/line_tests.hpp"

#include "collector/store/columns/decode/line_scan.hpp"

namespace seyir::store::columns {

Result<void> test_lines(
    LineColumns& lines,
    uint64_t raw_bytes,
    const std::vector<LineTest>& tests,
    std::vector<uint32_t>& chosen,
    std::vector<uint8_t>& is_sure
) {
    is_sure.assign(chosen.size(), 1);
    for (const LineTest& test : tests) {
        if (test.automaton == nullptr) {
            is_sure.assign(chosen.size(), 0);
            continue;
        }
        SEYIR_TRY(const auto holds, scan_lines(lines, *test.automaton, raw_bytes, chosen));
        const Holds failing = test.negated ? Holds::kYes : Holds::kNo;
        size_t kept = 0;
        for (size_t i = 0; i < chosen.size(); ++i) {
            if (holds[i] == failing) {
                continue;
            }
            is_sure[kept] = is_sure[i] != 0 && holds[i] != Holds::kMaybe ? 1 : 0;
            chosen[kept++] = chosen[i];
        }
        chosen.resize(kept);
        is_sure.resize(kept);
        if (chosen.empty()) {
            break;
        }
    }
    return {};
}

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "test/conformance/case_files.hpp"

namespace seyir::test {
namespace {

struct Known {
    std::string_view id;
    std::string_view reason;
};

constexpr std::array kKnown{
    Known{
        "lex_test.go:Test_parseDuration#5",
        "the number expected is several numbers run together: 1h15m30.918273645s is "
        "4530918273645 ns"
    },
    Known{
        "parser_test.go:TestLogfmtExpressionParser#2",
        "the labels expected (level=error, ts=...) are of another line than the JSON one given"
    },
};

}  // namespace

std::optional<std::string_view> known_wrong(std::string_view id) {
    const auto at = std::ranges::find(kKnown, id, &Known::id);
    return at == kKnown.end() ? std::nullopt : std::optional(at->reason);
}

}  // namespace seyir::test

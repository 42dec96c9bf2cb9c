// SPDX-License-Identifier: Apache-2.0
// NumberTests: label filters like `duration_ms > 1000`, asked of the numbers that a page gives in
// place of lines, before any row goes through the stages.
// Threads: NumberTests is immutable once made; TestedRows has one owner.   Soundness: a row is
// failed only where the stages would drop it; all others go through them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "collector/store/log_store.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/stage/scratch_row.hpp"

namespace seyir::query {

class NumberTests {
  public:
    NumberTests() = default;
    /// Those that each row must pass and that see what the parser stage found, as it found it.
    explicit NumberTests(const std::vector<logql::Stage>& stages);

    const std::vector<logql::NumberTest>& all() const { return tests_; }

    size_t count(std::string_view name) const;

  private:
    bool add(const logql::LabelFilter& filter, bool is_behind_parser);

    std::vector<logql::NumberTest> tests_;
};

/// The index of a label among those wanted; their count when it is not wanted.
size_t index_of(const store::LineWants& wants, std::string_view name);

/// What the tests say of a page's rows.
class TestedRows {
  public:
    enum Verdict : uint8_t {
        kUnknown,  ///< only the stages tell
        kFails,
        kPasses,  ///< all of the tests
    };

    /// Requires: page.values, given for `wants`. Leaves `row` bound to any row.
    void test(
        const store::Page& page,
        const store::LineWants& wants,
        const NumberTests& tests,
        logql::ScratchRow& row
    );

    Verdict of(uint32_t i) const { return verdicts_.empty() ? kUnknown : verdicts_[i]; }

  private:
    struct Test {
        const logql::NumberTest* test = nullptr;
        const store::LineValues::Label* label = nullptr;
        bool is_hidden = false;  ///< the row's own label has the name
    };

    void choose(const store::Page& page, const store::LineWants& wants, const NumberTests& tests);
    Verdict test(uint32_t i) const;

    std::vector<Test> tests_;
    std::vector<Verdict> verdicts_;
};

}  // namespace seyir::query

// SPDX-License-Identifier: Apache-2.0
// TextMatcher: which values of columns, and which rows of a table, hold a text, mostly without
// putting rows together: literals are looked at once a shape, values once each. Where the text
// could lie across a cut whose other side is not known, the answer is "maybe". Threads: one at a
// time.   Errors: ok() is false when a value goes beyond the limit. Ownership: columns that were
// asked for outlive it. Limits: RenderLimit; a text of more than kTextBytesMax is not looked for
// (needs_line()). Soundness: kNo and kYes are certain. Of texts in any case only kNo is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collector/store/columns/decode/table_decoder.hpp"

namespace seyir::store::columns {

enum class Holds : uint8_t { kNo, kMaybe, kYes };

class Verdicts {
  public:
    Holds at(size_t i) const { return of_.empty() ? Holds::kNo : of_[i]; }

    /// Some value may hold the text.
    bool any() const { return !of_.empty(); }

    void fill(size_t count, Holds holds) { of_.assign(count, holds); }

    /// Requires: filled.
    void set(size_t i, Holds holds) { of_[i] = holds; }

    /// Never to less than was said before.
    void raise(size_t i, size_t count, Holds holds) {
        if (holds == Holds::kNo) {
            return;
        }
        if (of_.empty()) {
            of_.resize(count, Holds::kNo);
        }
        of_[i] = std::max(of_[i], holds);
    }

  private:
    std::vector<Holds> of_;  ///< empty: none
};

class TextMatcher {
  public:
    static constexpr size_t kTextBytesMax = 256;

    /// `any_case`: letters of either case, as regular expressions fold them.
    TextMatcher(std::string text, bool any_case, RenderLimit limit);

    /// The text is none that columns can be asked for: every row may hold it.
    bool needs_line() const { return needs_line_; }

    bool ok() const { return is_ok_; }

    const Verdicts& of(const Column& column);

    /// False: no value of the form holds the text.
    bool can_be_in(const ScalarForm& form) const;

    /// In values that lie one behind the other; value i ends at ends[i].
    void search(std::string_view values, std::span<const uint32_t> ends, Verdicts& out) const;

    /// Whether the text may begin in `left` and end in what follows it, or begin before `right`.
    bool may_cross_from(std::string_view left) const;
    bool may_cross_into(std::string_view right) const;
    bool is_in(std::string_view literal) const;

    /// Columns of a table, and of the one around. Null: not there, which is an error.
    struct Columns {
        std::function<const Column*(uint32_t)> own;
        std::function<const Column*(uint32_t)> around;
        /// True: no value of that column holds the text, without looking at values.
        std::function<bool(uint32_t)> is_ruled_out;
    };

    void match_rows(const TableHead& table, const Columns& columns, Verdicts& out);

  private:
    struct SlotPlan;
    struct ShapePlan;

    const NumberedTexts& texts_of(const Column& column);
    std::string folded(std::string_view text) const;
    bool has_other_case(std::string_view text) const;
    ShapePlan plan(const TableHead::Shape& shape, const Columns& columns);
    bool plan_slot(
        const TableHead::Shape& shape, size_t index, const Columns& columns, SlotPlan& slot
    );
    Holds across(const SlotPlan& slot, size_t place) const;

    std::string text_;
    bool any_case_;
    bool needs_line_ = false;
    bool is_ok_ = true;
    RenderLimit limit_;
    std::unordered_map<const Column*, Verdicts> verdicts_;
    std::unordered_map<const Column*, std::unique_ptr<NumberedTexts>> texts_;
};

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
// Column: the values of a column, any of which can be had without the others.
// Threads: immutable once read.   Errors: a null or false, beyond a limit.
// Limits: DecodeBudget bounds what all columns of a block hold, RenderLimit what they render.
// Ownership: a column points into the bytes it was read from; these outlive it.
// Format: docs/format/columns.md
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/columns/decode/scalar_values.hpp"
#include "common/automaton/text_automaton.hpp"

namespace seyir::store::columns {

/// Counts down; hostile bytes end where it ends.
struct DecodeBudget {
    uint64_t values = 32 * 1024 * 1024;      ///< of all columns
    uint64_t text_bytes = 64 * 1024 * 1024;  ///< unpacked

    /// False when there is not so much left.
    bool take_values(uint64_t count);
    bool take_text(uint64_t bytes);
};

/// What rendering texts may cost: hostile columns can refer to others many times over.
struct RenderLimit {
    size_t bytes_max = 0;               ///< of the text it goes to, all in all
    uint64_t steps = 64 * 1024 * 1024;  ///< slots
};

/// Values of a column as numbers of texts.
struct NumberedTexts {
    std::vector<uint32_t> numbers;  ///< of each value; two of them may name equal texts
    std::string bytes;
    std::vector<uint32_t> ends;  ///< of each text in bytes

    std::string_view text(size_t number) const {
        const uint32_t begin = number == 0 ? 0 : ends[number - 1];
        return std::string_view(bytes).substr(begin, ends[number] - begin);
    }
};

/// More than any text may have; what is added up stays there.
inline constexpr size_t kTooManyBytes = size_t{1} << 40;

inline size_t add_bytes(size_t a, size_t b) {
    return std::min(a + b, kTooManyBytes);
}

class Column {
  public:
    explicit Column(size_t count) : count_(count) {}

    virtual ~Column() = default;

    size_t count() const { return count_; }

    /// Writes value i and returns the end; null when that goes beyond the limit. Requires: i <
    /// count(), and room for text_bytes(i), or for text_bytes_max() and what it refers to.
    virtual char* write(char* to, size_t i, RenderLimit& limit) const = 0;

    /// At least the bytes of value i, at most kRoomPerByteMax times as many; kTooManyBytes beyond
    /// the limit.
    virtual size_t text_bytes(size_t i, RenderLimit& limit) const = 0;

    static constexpr size_t kRoomPerByteMax = 32;

    /// At least the bytes of any value, without those of columns that it refers to.
    size_t text_bytes_max() const { return text_bytes_max_; }

    /// Requires: i < count(). False when that goes beyond the limit.
    bool append(std::string& out, size_t i, RenderLimit& limit) const;

    /// All values, texts that repeat once where that is cheap. False as with append().
    virtual bool number_texts(NumberedTexts& out, RenderLimit& limit) const;

    /// Where texts of any of its values may lead from any of these states.
    virtual StateSet image(const TextAutomaton& automaton, const StateSet& from, RenderLimit& limit)
        const;

    /// Moves states[k] by the text of value values[k]. Requires: numbers below count(). False as
    /// with append().
    virtual bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<TextAutomaton::State> states,
        RenderLimit& limit
    ) const;

    /// Null unless the column is numbers of one form.
    virtual std::shared_ptr<const ScalarValues> scalars() const { return nullptr; }

    /// Columns of the table around that its values refer to.
    std::vector<uint32_t> refers_to;
    /// How often one value does so, at most.
    size_t references_max = 0;

  protected:
    void set_text_bytes_max(size_t bytes) { text_bytes_max_ = bytes; }

  private:
    size_t count_;
    size_t text_bytes_max_ = 0;
};

using ColumnPtr = std::shared_ptr<const Column>;

/// Gives a table's columns the columns of the table around.
class ColumnSource {
  public:
    virtual ~ColumnSource() = default;
    /// Null when there is none, or when it refers to others itself.
    virtual const Column* plain_column(uint32_t number) const = 0;
};

/// Where a table's shapes get columns from: its own, and those of the table around.
struct ColumnsOf {
    const std::vector<ColumnPtr>& columns;

    const Column* operator()(uint32_t number) const { return columns[number].get(); }
};

struct ColumnsAround {
    const ColumnSource* around;

    const Column* operator()(uint32_t number) const {
        return around == nullptr ? nullptr : around->plain_column(number);
    }
};

/// Times of a column's values, found out only when an encoding asks for them.
class TimesSource {
  public:
    virtual ~TimesSource() = default;
    /// Empty when there are none or the budget does not allow it.
    virtual std::vector<int64_t> times(DecodeBudget& budget) const = 0;
};

/// So few different numbers that their texts are worth being told apart.
bool has_small_range(const ScalarValues& values);

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
// Column: the values of a column, any of which can be had without the others.
// Room: bytes -> Column -> text of value i.
// Threads: immutable once read.   Errors: a failed reader; bytes are never trusted.
// Limits: DecodeBudget bounds what all columns of a block hold and render together.
// Ownership: a column points into the bytes it was read from; these outlive it.
// Format: docs/format/columns.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/columns/decode/scalar_values.hpp"
#include "collector/store/columns/encode/plan.hpp"
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

class Column {
  public:
    explicit Column(size_t count) : count_(count) {}

    virtual ~Column() = default;

    size_t count() const { return count_; }

    /// Requires: i < count(). False when that goes beyond the limit.
    virtual bool append(std::string& out, size_t i, RenderLimit& limit) const = 0;

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

  private:
    size_t count_;
};

using ColumnPtr = std::shared_ptr<const Column>;

/// Gives a table's columns the columns of the table around.
class ColumnSource {
  public:
    virtual ~ColumnSource() = default;
    /// Null when there is none, or when it refers to others itself.
    virtual const Column* plain_column(uint32_t number) const = 0;
};

/// Times of a column's values, found out only when an encoding asks for them.
class TimesSource {
  public:
    virtual ~TimesSource() = default;
    /// Empty when there are none or the budget does not allow it.
    virtual std::vector<int64_t> times(DecodeBudget& budget) const = 0;
};

struct DecodeContext {
    const TimesSource* times = nullptr;
    const ColumnSource* around = nullptr;
    DecodeBudget* budget = nullptr;
    Unpacker* unpacker = nullptr;
    int depth = 0;
};

/// So few different numbers that their texts are worth being told apart.
bool has_small_range(const ScalarValues& values);

/// The form of all values, when the column's bytes say that at their beginning.
std::optional<ScalarForm> form_of_column(std::string_view bytes);

/// A column of `count` values.
ColumnPtr read_column(codec::Reader& reader, size_t count, const DecodeContext& context);

}  // namespace seyir::store::columns

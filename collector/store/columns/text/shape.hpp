// SPDX-License-Identifier: Apache-2.0
// Shapes: the text between slots, and for each slot where it ends and which column takes it. A
// ShapeSet knows the shapes seen so far and tries the expected one first, which costs comparing
// its text and nothing else.
// Threads: one at a time.   Limits: kShapesMax shapes and kColumnsMax columns; a text beyond them
// is one slot.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collector/store/columns/text/token.hpp"

namespace seyir::store::columns {

inline constexpr size_t kShapesMax = 4096;
inline constexpr size_t kColumnsMax = 8192;

struct Slot {
    uint32_t text_begin = 0;  ///< of the literal in front, in Shape::text
    uint32_t text_size = 0;
    Rule rule = Rule::kRest;
    uint32_t param = 0;
    uint32_t column = 0;  ///< unused for kSame
};

struct Shape {
    Mode mode = Mode::kWhole;
    std::string text;  ///< all literals, one after the other
    std::vector<Slot> slots;
    uint32_t tail_begin = 0;  ///< of the literal behind the last slot
    uint32_t follower = 0;    ///< the shape that last came behind this one
    /// A text of this shape may have a run that goes across the edge of a slot: one behind a time
    /// that is followed by another slot, say. Elsewhere a literal keeps runs apart.
    bool has_open_edges = false;

    std::string_view literal(const Slot& slot) const {
        return std::string_view(text).substr(slot.text_begin, slot.text_size);
    }

    std::string_view tail() const { return std::string_view(text).substr(tail_begin); }
};

/// Texts of the columns of the row around, for kSame.
using KnownTexts = std::span<const std::pair<uint32_t, std::string_view>>;

class ShapeSet {
  public:
    struct Match {
        uint32_t shape = 0;
        bool is_new = false;         ///< never seen before
        bool is_unreadable = false;  ///< not in the mode; taken whole
    };

    /// Cuts the text; `slots` gets one text for each slot of the shape (kSame slots too).
    Match cut(
        Mode mode, std::string_view text, KnownTexts known, std::vector<std::string_view>& slots
    );

    const Shape& shape(uint32_t index) const { return shapes_[index]; }

    size_t shape_count() const { return shapes_.size(); }

    size_t column_count() const { return columns_.size(); }

    /// What tells a column from the others; stable from block to block.
    const std::string& column_key(uint32_t column) const { return columns_[column].key; }

    /// Of a JSON or logfmt field, else "".
    const std::string& column_name(uint32_t column) const { return columns_[column].name; }

    /// Says that columns may refer to each other (Rule::kSame): texts that stand in a line twice
    /// are then kept in columns whose values stand in the same rows.
    void separate_twins() { separates_twins_ = true; }

    bool is_full() const { return shapes_.size() >= kShapesMax || columns_.size() >= kColumnsMax; }

  private:
    struct ColumnNames {
        std::string key;
        std::string name;
        uint64_t shapes = 0;  ///< tells which shapes have it
    };

    std::optional<uint32_t> add(Mode mode, std::string_view text, bool& is_new);
    uint32_t column_of(Mode mode, const Token& token, std::string_view before, size_t index);
    void split_twins(Mode mode, std::string_view text, uint32_t number, Shape& shape);
    std::optional<uint32_t> guess_shape(
        Mode mode, std::string_view text, KnownTexts known, std::vector<std::string_view>& slots
    );
    void follow_with(uint32_t shape);
    void remember(uint32_t shape);
    void slots_of_tokens(std::vector<std::string_view>& slots, std::string_view text) const;

    std::deque<Shape> shapes_;
    std::unordered_map<std::string, uint32_t> by_key_;
    std::vector<ColumnNames> columns_;
    std::unordered_map<std::string, uint32_t> column_by_key_;
    std::vector<Token> tokens_;
    std::array<uint32_t, 8> recent_{};  ///< shapes that came lately, the last one first
    size_t recent_count_ = 0;
    int recent_score_ = 0;  ///< below 0: trying them has cost more than it gained
    uint32_t recent_skipped_ = 0;
    bool separates_twins_ = false;
    std::string shape_key_;
    std::vector<uint32_t> used_;  ///< columns of the shape that is being made
    std::string key_;
    uint32_t last_ = 0;
};

/// True when the text has the shape; `slots` then holds its slots' texts.
bool match(
    const Shape& shape,
    std::string_view text,
    KnownTexts known,
    std::vector<std::string_view>& slots
);

}  // namespace seyir::store::columns

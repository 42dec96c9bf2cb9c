// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/line_columns.hpp"

#include <algorithm>

#include "collector/store/columns/block_encoder.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kSmallBytesMax = 16 * 1024 * 1024;

}  // namespace

Error malformed(std::string_view what) {
    return fail(ErrorCode::kCorrupt, std::string(what) + " of the block is malformed");
}

Result<const TableHead*> LineColumns::placed_head() {
    if (lines_.first_place.empty() && !place_rows(context_, lines_)) {
        return malformed("the line column");
    }
    return &lines_;
}

Result<void> LineColumns::open() {
    if (is_open_) {
        return {};
    }
    SEYIR_TRY(const std::string bytes, load_(kLines));
    codec::Reader reader(bytes);
    if (!read_table_head(reader, rows_, context_, lines_, false)) {
        return malformed("the line column");
    }
    const bool refers = std::ranges::any_of(lines_.shapes, [](const TableHead::Shape& shape) {
        return std::ranges::count(shape.slots, Rule::kSame, &TableHead::Slot::rule) > 0;
    });
    if (refers) {
        return malformed("a shape");  // there is no table around lines
    }
    uint64_t begin = 0;
    uint16_t own = kFirstSlot;
    for (size_t i = 0; i < lines_.counts.size(); ++i) {
        const uint64_t size = reader.varint_up_to(kSmallBytesMax);
        small_places_.emplace_back(begin, size);
        own_numbers_.push_back(size == 0 ? own++ : uint16_t{0});
        begin += size;
    }
    if (!reader.ok() || reader.left() != 0 || begin > kSmallBytesMax) {
        return malformed("the line column");
    }
    SEYIR_TRY(const std::string small, load_(kSmallSlots));
    codec::Reader packed(small);
    std::string keep;
    const std::string_view unpacked = context_.unpacker->read_sized(packed, begin, keep);
    if (!packed.ok() || packed.left() != 0 || unpacked.size() != begin ||
        !context_.budget->take_text(begin)) {
        return malformed("the small columns");
    }
    small_ = unpacked;
    slots_.resize(lines_.counts.size());
    own_bytes_.resize(lines_.counts.size());
    is_open_ = true;
    return {};
}

Result<std::string_view> LineColumns::slot_bytes(uint32_t number) {
    const auto [begin, size] = small_places_[number];
    if (size != 0) {
        return std::string_view(small_).substr(begin, size);
    }
    if (!own_bytes_[number]) {
        SEYIR_TRY(own_bytes_[number], load_(own_numbers_[number]));
    }
    return std::string_view(*own_bytes_[number]);
}

std::optional<ScalarForm> LineColumns::form_of(uint32_t number) {
    if (number >= slots_.size() || slots_[number] != nullptr) {
        return std::nullopt;
    }
    const auto bytes = slot_bytes(number);
    return bytes ? form_of_column(*bytes) : std::nullopt;
}

Result<const Column*> LineColumns::slot(uint32_t number) {
    if (number >= slots_.size()) {
        return malformed("a reference between columns");
    }
    if (slots_[number] != nullptr) {
        return slots_[number].get();
    }
    SEYIR_TRY(const std::string_view bytes, slot_bytes(number));
    codec::Reader reader(bytes);
    const ColumnTimes column_times(lines_, number, &times_);
    DecodeContext how = context_;
    how.times = &column_times;
    how.around = this;
    how.depth = 1;
    ColumnPtr column = read_column(reader, lines_.counts[number], how);
    if (column == nullptr || reader.left() != 0) {
        return malformed("a slot column");
    }
    const std::vector<uint32_t> others = column->refers_to;
    slots_[number] = std::move(column);
    own_bytes_[number].reset();
    for (const uint32_t other : others) {
        // What refers to others is not referred to: so there is no circle.
        SEYIR_TRY(const Column* const target, slot(other));
        if (!target->refers_to.empty() || !lines_.is_aligned(number, other)) {
            slots_[number] = nullptr;
            return malformed("a reference between columns");
        }
    }
    return slots_[number].get();
}

size_t LineColumns::line_bytes_max(size_t shape) const {
    size_t bytes = lines_.shapes[shape].tail.size();
    for (const TableHead::Slot& slot : lines_.shapes[shape].slots) {
        const Column& column = *slots_[slot.column];
        bytes = add_bytes(bytes, slot.literal.size() + column.text_bytes_max());
        size_t referred = 0;
        for (const uint32_t other : column.refers_to) {
            referred = std::max(referred, slots_[other]->text_bytes_max());
        }
        for (size_t i = 0; referred != 0 && i < column.references_max; ++i) {
            bytes = add_bytes(bytes, referred);
        }
    }
    return bytes;
}

const Column* LineColumns::plain_column(uint32_t number) const {
    const bool is_there = number < slots_.size() && slots_[number] != nullptr;
    return is_there && slots_[number]->refers_to.empty() ? slots_[number].get() : nullptr;
}

Result<void> LineColumns::load_slots(std::optional<std::span<const uint32_t>> chosen) {
    if (chosen && chosen->empty()) {
        return {};
    }
    SEYIR_TRY(const TableHead* const placed, placed_head());
    (void)placed;
    std::vector<bool> wanted(lines_.shapes.size(), !chosen);
    for (const uint32_t row : chosen.value_or(std::span<const uint32_t>())) {
        wanted[static_cast<size_t>(lines_.row_shapes[row])] = true;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i]) {
            continue;
        }
        for (const TableHead::Slot& part : lines_.shapes[i].slots) {
            SEYIR_TRY(const Column* const column, slot(part.column));
            (void)column;
        }
    }
    return {};
}

}  // namespace seyir::store::columns

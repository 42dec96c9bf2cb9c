// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/field_values.hpp"

namespace seyir::store::columns {
namespace {

/// Where a shape has the field.
struct FieldPlace {
    FieldValues::State state = FieldValues::State::kAbsent;
    size_t slot = 0;
};

FieldPlace place_in(const TableHead& lines, const TableHead::Shape& shape, std::string_view name) {
    FieldPlace found;
    if (shape.mode != Mode::kJson && shape.mode != Mode::kPairs) {
        return {FieldValues::State::kUnknown, 0};
    }
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        const TableHead::Slot& slot = shape.slots[i];
        const std::string_view own = lines.names[slot.column];
        // A name with an escape may be the one asked for in other words; what stands in an array's
        // place may be an object that has the field.
        const bool is_within = slot.rule == Rule::kJsonArray && name.starts_with(own);
        const bool is_near = own.contains('\\') || slot.rule == Rule::kRest || is_within;
        const bool is_twice = own == name && found.state != FieldValues::State::kAbsent;
        if (is_near || is_twice) {
            return {FieldValues::State::kUnknown, 0};
        }
        if (own == name) {
            const bool is_scalar = slot.rule == Rule::kJsonScalar;
            found = {is_scalar ? FieldValues::State::kScalar : FieldValues::State::kText, i};
        }
    }
    // A key without `=` stands in the text between.
    const bool is_unsure = shape.mode == Mode::kPairs && found.state == FieldValues::State::kAbsent;
    return is_unsure ? FieldPlace{FieldValues::State::kUnknown, 0} : found;
}

}  // namespace

Result<FieldValues> read_field_values(
    LineColumns& lines, uint64_t raw_bytes, std::span<const std::string_view> path
) {
    SEYIR_TRY(const TableHead* const placed, lines.placed_head());
    const TableHead& head = *placed;
    std::vector<const Column*> columns(head.counts.size());
    std::string name;
    for (const std::string_view part : path) {
        name += name.empty() ? "" : std::string(1, kPathSeparator);
        name += part;
    }
    std::vector<FieldPlace> places;
    for (const TableHead::Shape& shape : head.shapes) {
        places.push_back(place_in(head, shape, name));
        const FieldPlace& place = places.back();
        if (place.state == FieldValues::State::kText ||
            place.state == FieldValues::State::kScalar) {
            const uint32_t number = shape.slots[place.slot].column;
            SEYIR_TRY(columns[number], lines.slot(number));
        }
    }
    FieldValues out;
    RenderLimit limit{.bytes_max = raw_bytes};
    for (size_t row = 0; row < lines.row_count(); ++row) {
        const FieldPlace& place = places[static_cast<size_t>(head.row_shapes[row])];
        FieldValues::State state = place.state;
        if (state == FieldValues::State::kText || state == FieldValues::State::kScalar) {
            const size_t before = out.text.size();
            const TableHead::Slot& part = head.shape_of(row).slots[place.slot];
            const uint32_t at = head.places[head.first_place[row] + place.slot];
            if (!columns[part.column]->append(out.text, at, limit)) {
                return malformed("a field");
            }
            if (std::string_view(out.text).substr(before).contains('\\')) {
                out.text.resize(before);
                state = FieldValues::State::kUnknown;
            }
        }
        out.states.push_back(state);
        out.ends.push_back(static_cast<uint32_t>(out.text.size()));
    }
    return out;
}

}  // namespace seyir::store::columns

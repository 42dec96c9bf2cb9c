// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/rows/attr_value.hpp"

#include <bit>
#include <charconv>
#include <vector>

#include "common/codec/bytes.hpp"

namespace seyir::store::columns {
namespace {

constexpr int kValueDepthMax = 64;

/// Inside arrays and maps values have no column of their own: kind and size stand in front.
void append_inner(std::string& out, const Value& value) {
    out += static_cast<char>(value.kind());
    std::string text;
    append_value(text, value);
    codec::append_text(out, text);
}

std::optional<Value> parse_at(ValueKind kind, Slice text, Arena& arena, int depth);

std::optional<Value> parse_inner(codec::Reader& reader, Arena& arena, int depth) {
    const auto kind = static_cast<ValueKind>(reader.u8());
    const std::string_view text = reader.text(reader.left());
    return reader.ok() && depth < kValueDepthMax ? parse_at(kind, text, arena, depth + 1)
                                                 : std::nullopt;
}

std::optional<Value> parse_array(codec::Reader reader, Arena& arena, int depth) {
    std::vector<Value> items;
    while (reader.left() > 0) {
        const auto item = parse_inner(reader, arena, depth);
        if (!item) {
            return std::nullopt;
        }
        items.push_back(*item);
    }
    auto* to = arena.allocate_array<Value>(items.size());
    std::uninitialized_copy(items.begin(), items.end(), to);
    return Value::array({to, items.size()});
}

std::optional<Value> parse_map(codec::Reader reader, Arena& arena, int depth) {
    std::vector<ValueMember> members;
    while (reader.left() > 0) {
        const std::string_view name = reader.text(reader.left());
        const auto value = parse_inner(reader, arena, depth);
        if (!value) {
            return std::nullopt;
        }
        members.push_back({name, *value});
    }
    auto* to = arena.allocate_array<ValueMember>(members.size());
    std::uninitialized_copy(members.begin(), members.end(), to);
    return Value::map({to, members.size()});
}

std::optional<Value> parse_at(ValueKind kind, Slice text, Arena& arena, int depth) {
    switch (kind) {
        case ValueKind::kNull:
            return text.empty() ? std::optional(Value::null()) : std::nullopt;
        case ValueKind::kBool:
            return text == "1" || text == "0" ? std::optional(Value::boolean(text == "1"))
                                              : std::nullopt;
        case ValueKind::kInt: {
            int64_t n = 0;
            const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
            const bool is_whole = end.ec == std::errc() && end.ptr == text.data() + text.size();
            return is_whole ? std::optional(Value::integer(n)) : std::nullopt;
        }
        case ValueKind::kDouble: {
            codec::Reader reader(text);
            const auto bits = reader.le<uint64_t>();
            return text.size() == 8 ? std::optional(Value::real(std::bit_cast<double>(bits)))
                                    : std::nullopt;
        }
        case ValueKind::kString:
            return Value::string(text);
        case ValueKind::kBytes:
            return Value::bytes(text);
        case ValueKind::kNumberText:
            return Value::number_text(text);
        case ValueKind::kArray:
            return parse_array(codec::Reader(text), arena, depth);
        case ValueKind::kMap:
            return parse_map(codec::Reader(text), arena, depth);
    }
    return std::nullopt;
}

}  // namespace

void append_value(std::string& out, const Value& value) {
    switch (value.kind()) {
        case ValueKind::kNull:
            break;
        case ValueKind::kBool:
            out += value.as_bool() ? '1' : '0';
            break;
        case ValueKind::kInt:
            out += std::to_string(value.as_int());
            break;
        case ValueKind::kDouble:
            codec::append_le(out, std::bit_cast<uint64_t>(value.as_double()));
            break;
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            out += value.as_text();
            break;
        case ValueKind::kArray:
            for (const Value& item : value.items()) {
                append_inner(out, item);
            }
            break;
        case ValueKind::kMap:
            for (const ValueMember& member : value.members()) {
                codec::append_text(out, member.name);
                append_inner(out, member.value);
            }
            break;
    }
}

std::optional<Value> parse_value(ValueKind kind, Slice text, Arena& arena) {
    return parse_at(kind, text, arena, 1);
}

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
#include "plugins/forward/msgpack_value.hpp"

#include <charconv>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "plugins/forward/event_time.hpp"

namespace seyir::plugins::forward {

using codec::MsgpackItem;
using codec::MsgpackType;

bool ValueReader::may_nest(uint32_t count, int depth) {
    if (depth >= limits_.depth_max) {
        fault_ = Fault::kTooDeep;
        return false;
    }
    if (count > limits_.values_max - values_) {
        fault_ = Fault::kTooMany;
        return false;
    }
    values_ += count;
    return true;
}

std::optional<Value> ValueReader::read(int depth) {
    MsgpackItem item;
    if (!from_.next(item)) {
        fault_ = Fault::kMalformed;
        return std::nullopt;
    }
    return convert(item, depth);
}

std::optional<Value> ValueReader::convert(const MsgpackItem& item, int depth) {
    switch (item.type) {
        case MsgpackType::kNil:
            return Value::null();
        case MsgpackType::kBool:
            return Value::boolean(item.boolean);
        case MsgpackType::kInt:
            return Value::integer(item.integer);
        case MsgpackType::kUint:
            return Value::number_text(arena_.copy(fmt::format("{}", item.unsigned_integer)));
        case MsgpackType::kReal:
            return Value::real(item.real);
        case MsgpackType::kStr:
            return Value::string(item.bytes);
        case MsgpackType::kBin:
            return is_utf8(item.bytes) ? Value::string(item.bytes) : Value::bytes(item.bytes);
        case MsgpackType::kExt:
            if (const auto time = read_event_time(item); time && time->ts) {
                return Value::string(arena_.copy(to_rfc3339(*time->ts)));
            }
            return Value::bytes(item.bytes);
        case MsgpackType::kArray:
            return read_array(item.count, depth);
        case MsgpackType::kMap:
            return read_map(item.count, depth);
    }
    return std::nullopt;
}

std::optional<Value> ValueReader::read_array(uint32_t count, int depth) {
    if (!may_nest(count, depth)) {
        return std::nullopt;
    }
    auto* items = arena_.allocate_array<Value>(count);
    for (uint32_t i = 0; i < count; ++i) {
        const auto value = read(depth + 1);
        if (!value) {
            return std::nullopt;
        }
        items[i] = *value;
    }
    return Value::array({items, count});
}

std::optional<Value> ValueReader::read_map(uint32_t count, int depth) {
    if (!may_nest(count, depth)) {
        return std::nullopt;
    }
    auto* members = arena_.allocate_array<ValueMember>(count);
    for (uint32_t i = 0; i < count; ++i) {
        const auto name = read_key(depth + 1);
        if (!name) {
            return std::nullopt;
        }
        const auto value = read(depth + 1);
        if (!value) {
            return std::nullopt;
        }
        members[i] = {*name, *value};
    }
    return Value::map({members, count});
}

std::optional<Slice> ValueReader::read_key(int depth) {
    MsgpackItem item;
    if (!from_.next(item)) {
        fault_ = Fault::kMalformed;
        return std::nullopt;
    }
    if (item.is_text()) {
        return item.bytes;
    }
    const auto value = convert(item, depth);
    if (!value) {
        return std::nullopt;
    }
    return arena_.copy(value->to_text());
}

namespace {

void write_number_text(codec::MsgpackWriter& to, Slice text) {
    uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == std::errc() && end == text.data() + text.size()) {
        to.unsigned_integer(number);
    } else {
        to.str(text);
    }
}

}  // namespace

void write_value(codec::MsgpackWriter& to, const Value& value) {
    switch (value.kind()) {
        case ValueKind::kNull:
            to.nil();
            return;
        case ValueKind::kBool:
            to.boolean(value.as_bool());
            return;
        case ValueKind::kInt:
            to.integer(value.as_int());
            return;
        case ValueKind::kDouble:
            to.real(value.as_double());
            return;
        case ValueKind::kString:
            to.str(value.as_text());
            return;
        case ValueKind::kBytes:
            to.bin(value.as_text());
            return;
        case ValueKind::kNumberText:
            write_number_text(to, value.as_text());
            return;
        case ValueKind::kArray:
            to.array(static_cast<uint32_t>(value.items().size()));
            for (const Value& item : value.items()) {
                write_value(to, item);
            }
            return;
        case ValueKind::kMap:
            to.map(static_cast<uint32_t>(value.members().size()));
            for (const ValueMember& member : value.members()) {
                to.str(member.name);
                write_value(to, member.value);
            }
            return;
    }
}

}  // namespace seyir::plugins::forward

// SPDX-License-Identifier: Apache-2.0
#include "common/record/value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/base/text.hpp"

namespace seyir {

Value Value::boolean(bool b) {
    Value v;
    v.kind_ = ValueKind::kBool;
    v.int_ = b ? 1 : 0;
    return v;
}

Value Value::integer(int64_t i) {
    Value v;
    v.kind_ = ValueKind::kInt;
    v.int_ = i;
    return v;
}

Value Value::real(double d) {
    Value v;
    v.kind_ = ValueKind::kDouble;
    v.double_ = d;
    return v;
}

Value Value::text(ValueKind kind, Slice s) {
    SEYIR_ASSERT(s.size() <= std::numeric_limits<uint32_t>::max());
    Value v;
    v.kind_ = kind;
    v.text_ = s.data();
    v.size_ = static_cast<uint32_t>(s.size());
    return v;
}

Value Value::array(std::span<const Value> items) {
    Value v;
    v.kind_ = ValueKind::kArray;
    v.items_ = items.data();
    v.size_ = static_cast<uint32_t>(items.size());
    return v;
}

Value Value::map(std::span<const ValueMember> members) {
    Value v;
    v.kind_ = ValueKind::kMap;
    v.members_ = members.data();
    v.size_ = static_cast<uint32_t>(members.size());
    return v;
}

std::span<const Value> Value::items() const {
    return {items_, size_};
}

std::span<const ValueMember> Value::members() const {
    return {members_, size_};
}

std::string Value::to_text() const {
    switch (kind_) {
        case ValueKind::kNull:
            return {};
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            return std::string(as_text());
        default: {
            std::string out;
            append_json(out);
            return out;
        }
    }
}

void Value::append_json(std::string& out) const {
    switch (kind_) {
        case ValueKind::kNull:
            out += "null";
            return;
        case ValueKind::kBool:
            out += as_bool() ? "true" : "false";
            return;
        case ValueKind::kInt:
            out += fmt::format("{}", int_);
            return;
        case ValueKind::kDouble:
            // JSON has no NaN or infinity; their names as strings lose nothing.
            out += std::isfinite(double_) ? fmt::format("{}", double_)
                                          : fmt::format("\"{}\"", double_);
            return;
        case ValueKind::kString:
        case ValueKind::kBytes:
            append_json_quoted(out, as_text());
            return;
        case ValueKind::kNumberText:
            out += as_text();
            return;
        case ValueKind::kArray: {
            char before = '[';
            for (const Value& item : items()) {
                out += before;
                item.append_json(out);
                before = ',';
            }
            out += before == '[' ? "[]" : "]";
            return;
        }
        case ValueKind::kMap: {
            char before = '{';
            for (const ValueMember& member : members()) {
                out += before;
                append_json_quoted(out, member.name);
                out += ':';
                member.value.append_json(out);
                before = ',';
            }
            out += before == '{' ? "{}" : "}";
            return;
        }
    }
}

bool Value::operator==(const Value& other) const {
    if (kind_ != other.kind_) {
        return false;
    }
    switch (kind_) {
        case ValueKind::kNull:
            return true;
        case ValueKind::kBool:
        case ValueKind::kInt:
            return int_ == other.int_;
        case ValueKind::kDouble:
            return double_ == other.double_ || (std::isnan(double_) && std::isnan(other.double_));
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            return as_text() == other.as_text();
        case ValueKind::kArray:
            return std::ranges::equal(items(), other.items());
        case ValueKind::kMap:
            return std::ranges::equal(
                members(),
                other.members(),
                [](const ValueMember& a, const ValueMember& b) {
                    return a.name == b.name && a.value == b.value;
                }
            );
    }
    return false;
}

}  // namespace seyir

// SPDX-License-Identifier: Apache-2.0
// Value: OpenTelemetry's AnyValue plus numbers kept as text. 16 bytes, trivially copyable; strings
// and children live in the batch's Arena.
// Format: OpenTelemetry logs data model 1.x, "type any".
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/record/slice.hpp"

namespace seyir {

/// On disk and on the wire: never renumber.
enum class ValueKind : uint8_t {
    kNull = 0,
    kBool = 1,
    kInt = 2,
    kDouble = 3,
    kString = 4,
    kBytes = 5,
    kNumberText = 6,  ///< a JSON number outside int64 and double, as written
    kArray = 7,
    kMap = 8,
};

struct ValueMember;

class Value {
  public:
    Value() = default;

    static Value null() { return {}; }

    static Value boolean(bool b);
    static Value integer(int64_t i);
    static Value real(double d);

    static Value string(Slice s) { return text(ValueKind::kString, s); }

    static Value bytes(Slice s) { return text(ValueKind::kBytes, s); }

    static Value number_text(Slice s) { return text(ValueKind::kNumberText, s); }

    static Value array(std::span<const Value> items);
    static Value map(std::span<const ValueMember> members);

    ValueKind kind() const { return kind_; }

    bool as_bool() const { return int_ != 0; }

    int64_t as_int() const { return int_; }

    double as_double() const { return double_; }

    /// For kString, kBytes, kNumberText.
    Slice as_text() const { return {text_, size_}; }

    std::span<const Value> items() const;
    std::span<const ValueMember> members() const;

    /// What a label filter or a template sees: the string itself, a number's shortest text,
    /// "true"/"false", "" for null, JSON for arrays and maps.
    std::string to_text() const;
    void append_json(std::string& out) const;

    /// Same kind and same content, deep.
    bool operator==(const Value& other) const;

  private:
    static Value text(ValueKind kind, Slice s);

    union {
        int64_t int_ = 0;
        double double_;
        const char* text_;
        const Value* items_;
        const ValueMember* members_;
    };

    uint32_t size_ = 0;
    ValueKind kind_ = ValueKind::kNull;
};

struct ValueMember {
    Slice name;
    Value value;
};

static_assert(sizeof(Value) == 16);

}  // namespace seyir

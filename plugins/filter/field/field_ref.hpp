// SPDX-License-Identifier: Apache-2.0
// FieldRef: how configuration names a part of a record; BoundField: that part, looked up quickly.
//   line  severity  timestamp  trace_id  span_id  labels.NAME  attributes.NAME  NAME
// Anything that is none of the fixed words is an attribute, by its exact name; `attributes.` is for
// attributes that are called like a fixed word.
// Threads: a BoundField belongs to one thread at a time.   Errors: parse() says what is wrong.
// Limits: names of attributes 1 KiB, of labels 128 B.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::plugins {

inline constexpr size_t kAttributeNameBytesMax = 1024;

enum class FieldKind : uint8_t {
    kAttribute,
    kLine,
    kSeverity,
    kTimestamp,
    kTraceId,
    kSpanId,
    kLabel,
};

struct FieldRef {
    FieldKind kind = FieldKind::kAttribute;
    std::string name;  ///< of attributes and labels

    static Result<FieldRef> parse(std::string_view text);

    bool operator==(const FieldRef&) const = default;
};

/// Attributes are found by index, which is looked up once for each batch.
class BoundField {
  public:
    explicit BoundField(FieldRef ref) : ref_(std::move(ref)) {}

    void bind(const RecordBatch& batch) {
        if (ref_.kind == FieldKind::kAttribute) {
            key_ = batch.find_key(ref_.name);
        }
    }

    const FieldRef& ref() const { return ref_; }

    /// After bind(), of attributes: nothing when no row of the batch has one of that name.
    std::optional<KeyIndex> key() const { return key_; }

    /// The field's text; nothing when the record does not have it. `attrs` stand for the row's own.
    /// The view lives in the batch or in `scratch`, which the next call may reuse.
    std::optional<std::string_view> text(
        const RecordBatch& batch, uint32_t row, std::span<const Attr> attrs, std::string& scratch
    ) const;

    std::optional<std::string_view> text(
        const RecordBatch& batch, uint32_t row, std::string& scratch
    ) const {
        return text(batch, row, batch.attrs(row), scratch);
    }

    const Value* attribute(std::span<const Attr> attrs) const {
        if (key_) {
            for (const Attr& attr : attrs) {
                if (attr.key == *key_) {
                    return &attr.value;
                }
            }
        }
        return nullptr;
    }

  private:
    FieldRef ref_;
    std::optional<KeyIndex> key_;
};

/// What a filter or a template sees of a value: strings as they are, others into `scratch`.
std::string_view value_text(const Value& value, std::string& scratch);

}  // namespace seyir::plugins

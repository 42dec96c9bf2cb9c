// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/field_ref.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "common/record/severity.hpp"

namespace seyir::plugins {
namespace {

constexpr std::string_view kLabels = "labels.";
constexpr std::string_view kAttributes = "attributes.";

constexpr std::array<std::pair<std::string_view, FieldKind>, 5> kFixed{{
    {"line", FieldKind::kLine},
    {"severity", FieldKind::kSeverity},
    {"timestamp", FieldKind::kTimestamp},
    {"trace_id", FieldKind::kTraceId},
    {"span_id", FieldKind::kSpanId},
}};

template <size_t kSize>
std::optional<std::string_view> hex(const std::array<uint8_t, kSize>& bytes, std::string& scratch) {
    if (bytes == std::array<uint8_t, kSize>{}) {
        return std::nullopt;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    scratch.clear();
    for (const uint8_t byte : bytes) {
        scratch += kDigits[byte >> 4];
        scratch += kDigits[byte & 15];
    }
    return scratch;
}

}  // namespace

Result<FieldRef> FieldRef::parse(std::string_view text) {
    for (const auto& [name, kind] : kFixed) {
        if (text == name) {
            return FieldRef{kind, ""};
        }
    }
    if (text.starts_with(kLabels)) {
        const std::string_view name = text.substr(kLabels.size());
        if (!is_label_name(name) || name.size() > kLabelNameBytesMax) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("`{}` is no label name: letters, digits and `_`, no digit first", name)
            );
        }
        return FieldRef{FieldKind::kLabel, std::string(name)};
    }
    if (text.starts_with(kAttributes)) {
        text.remove_prefix(kAttributes.size());
    }
    if (text.empty()) {
        return fail(ErrorCode::kInvalidArgument, "a field's name is empty");
    }
    if (text.size() > kAttributeNameBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("a name of {} bytes, limit {}", text.size(), kAttributeNameBytesMax)
        );
    }
    const bool is_bad = std::ranges::any_of(text, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (is_bad) {
        return fail(ErrorCode::kInvalidArgument, "a field's name holds a control character");
    }
    return FieldRef{FieldKind::kAttribute, std::string(text)};
}

std::string_view value_text(const Value& value, std::string& scratch) {
    switch (value.kind()) {
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            return value.as_text();
        case ValueKind::kBool:
            return value.as_bool() ? "true" : "false";
        case ValueKind::kNull:
            return "";
        case ValueKind::kInt: {
            scratch.resize(24);
            const auto end =
                std::to_chars(scratch.data(), scratch.data() + scratch.size(), value.as_int());
            scratch.resize(static_cast<size_t>(end.ptr - scratch.data()));
            return scratch;
        }
        default:
            scratch = value.to_text();
            return scratch;
    }
}

std::optional<std::string_view> BoundField::text(
    const RecordBatch& batch, uint32_t row, std::span<const Attr> attrs, std::string& scratch
) const {
    switch (ref_.kind) {
        case FieldKind::kAttribute: {
            const Value* value = attribute(attrs);
            return value == nullptr ? std::nullopt : std::optional(value_text(*value, scratch));
        }
        case FieldKind::kLine:
            return batch.body(row);
        case FieldKind::kSeverity:
            if (batch.severity(row) == kSeverityUnset) {
                return std::nullopt;
            }
            return level_name(batch.severity(row));
        case FieldKind::kTimestamp:
            scratch = to_rfc3339(batch.ts(row));
            return scratch;
        case FieldKind::kTraceId:
            return hex(batch.trace(row).trace_id, scratch);
        case FieldKind::kSpanId:
            return hex(batch.trace(row).span_id, scratch);
        case FieldKind::kLabel: {
            const std::string_view value = batch.streams()[batch.stream(row)]->get(ref_.name);
            return value.empty() ? std::nullopt : std::optional(value);
        }
    }
    return std::nullopt;
}

}  // namespace seyir::plugins

// SPDX-License-Identifier: Apache-2.0
// The types of the plugin ABI and of records have the same bytes, so that a batch is handed to a
// plugin without copying its columns. Checked here and, for what the compiler cannot see, by
// layouts_match() before any plugin is loaded.
// Threads: pure functions.   Format: docs/format/plugin-abi.md
#pragma once

#include <cstddef>
#include <span>

#include <seyir/plugin.h>

#include "common/record/batch.hpp"

namespace seyir::plugin {

static_assert(sizeof(seyir_text) == sizeof(Slice) && alignof(seyir_text) == alignof(Slice));
static_assert(sizeof(seyir_value) == sizeof(Value) && alignof(seyir_value) == alignof(Value));
static_assert(sizeof(seyir_member) == sizeof(ValueMember));
static_assert(offsetof(seyir_member, value) == offsetof(ValueMember, value));
static_assert(sizeof(seyir_attr) == sizeof(Attr));
static_assert(offsetof(seyir_attr, is_parsed) == offsetof(Attr, is_parsed));
static_assert(offsetof(seyir_attr, value) == offsetof(Attr, value));
static_assert(sizeof(seyir_range) == sizeof(AttrRange));
static_assert(offsetof(seyir_range, count) == offsetof(AttrRange, count));
static_assert(sizeof(seyir_trace) == sizeof(TraceIds));
static_assert(sizeof(int64_t) == sizeof(UnixNanos) && sizeof(SeverityNumber) == 1);

/// False: this build cannot load plugins (its standard library lays strings out in another way).
bool layouts_match();

inline std::string_view to_view(const seyir_text& text) {
    return text.data == nullptr ? std::string_view{} : std::string_view(text.data, text.size);
}

inline seyir_text to_abi(std::string_view text) {
    return {text.size(), text.data()};
}

inline const seyir_text* to_abi(std::span<const Slice> slices) {
    return reinterpret_cast<const seyir_text*>(slices.data());
}

inline const seyir_attr* to_abi(std::span<const Attr> attrs) {
    return reinterpret_cast<const seyir_attr*>(attrs.data());
}

}  // namespace seyir::plugin

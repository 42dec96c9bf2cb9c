// SPDX-License-Identifier: Apache-2.0
// A tolerant JSON scanner for lines that are not quite JSON: it looks only at what it must, takes a
// trailing comma and bytes that are not UTF-8, and stops at the closing brace.
// Threads: pure functions.   Errors: a text that says what is missing.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

namespace seyir::logql {

class Scratch;

enum class ScannedKind { kString, kNumber, kBool, kNull, kObject, kArray };

struct ScannedValue {
    ScannedKind kind = ScannedKind::kNull;
    std::string_view text;  ///< a string without its quotes, still escaped; else as written

    /// Strings unescaped ("" when an escape is wrong), null "", the rest as written.
    std::string_view to_label(Scratch& scratch) const;
};

/// Return false to stop; stopping is no error.
using OnMember = std::function<bool(std::string_view raw_key, const ScannedValue& value)>;
using OnItem = std::function<bool(const ScannedValue& value)>;

std::optional<std::string_view> scan_object(std::string_view text, const OnMember& on_member);
std::optional<std::string_view> scan_array(std::string_view text, const OnItem& on_item);

/// RFC 8259 grammar of numbers.
bool is_json_number(std::string_view token);

}  // namespace seyir::logql

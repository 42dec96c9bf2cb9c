// SPDX-License-Identifier: Apache-2.0
// An attribute's value as the text that its column keeps, and back.
// Threads: pure functions.   Limits: depth 64, and the reader's bytes.
// Format: docs/format/columns.md, "attribute values".
#pragma once

#include <optional>
#include <string>

#include "common/record/arena.hpp"
#include "common/record/value.hpp"

namespace seyir::store::columns {

void append_value(std::string& out, const Value& value);
/// `text` outlives the value; arrays and maps go into the arena.
std::optional<Value> parse_value(ValueKind kind, Slice text, Arena& arena);

}  // namespace seyir::store::columns

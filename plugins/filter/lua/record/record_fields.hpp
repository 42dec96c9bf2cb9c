// SPDX-License-Identifier: Apache-2.0
// What both modes do with a row's fields: time, severity, trace ids and labels to Lua and back, the
// line from any value, the size of a record.
// All but the last two run inside LuaState::call() and raise Lua errors.
#pragma once

#include <string>
#include <string_view>

#include "common/record/batch.hpp"
#include "plugins/filter/lua/record/value_bridge.hpp"

struct lua_State;

namespace seyir::plugins::lua {

/// {sec = , nsec = } or seconds as a number.
void push_time(lua_State* L, UnixNanos ts, bool as_table);
/// Either form. A number equal to what push_time() gives for `old` is `old`, to the nanosecond.
UnixNanos read_time(lua_State* L, int index, UnixNanos old);

void push_labels(lua_State* L, const StreamLabels& labels);

/// A number from 0 to 24 or a word ("warning").
SeverityNumber read_severity(lua_State* L, int index);

/// Lowercase hex; "" when all are zero.
void push_hex(lua_State* L, const uint8_t* bytes, size_t count);
void read_hex(lua_State* L, int index, uint8_t* bytes, size_t count, const char* what);

/// Strings as they are, everything else as text or JSON. `scratch` outlives the call.
Slice read_line(
    lua_State* L, int index, Slice old, ValueReader& reader, Arena& arena, std::string& scratch
);

/// Bytes of a value's strings and tables.
size_t value_bytes(const Value& value);

}  // namespace seyir::plugins::lua

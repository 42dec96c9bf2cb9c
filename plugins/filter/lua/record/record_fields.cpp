// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/record_fields.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <lua.hpp>

namespace seyir::plugins::lua {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

double to_seconds(UnixNanos ts) {
    return static_cast<double>(ts.value) / static_cast<double>(kNanosPerSecond);
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

UnixNanos from_table(lua_State* L, int index) {
    lua_getfield(L, index, "sec");
    const int64_t seconds = check_integer(L, -1, "`sec` of the timestamp");
    lua_getfield(L, index, "nsec");
    const int64_t nanos = lua_isnil(L, -1) ? 0 : check_integer(L, -1, "`nsec` of the timestamp");
    lua_pop(L, 2);
    constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kNanosPerSecond - 1;
    if (seconds > kSecondsMax || seconds < -kSecondsMax || nanos < 0 || nanos >= kNanosPerSecond) {
        luaL_error(L, "the timestamp is outside of the years 1678 to 2262");
    }
    return {seconds * kNanosPerSecond + nanos};
}

}  // namespace

void push_time(lua_State* L, UnixNanos ts, bool as_table) {
    if (!as_table) {
        lua_pushnumber(L, to_seconds(ts));
        return;
    }
    int64_t seconds = ts.value / kNanosPerSecond;
    int64_t nanos = ts.value % kNanosPerSecond;
    if (nanos < 0) {
        nanos += kNanosPerSecond;
        --seconds;
    }
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, static_cast<double>(seconds));
    lua_setfield(L, -2, "sec");
    lua_pushnumber(L, static_cast<double>(nanos));
    lua_setfield(L, -2, "nsec");
}

UnixNanos read_time(lua_State* L, int index, UnixNanos old) {
    if (lua_istable(L, index)) {
        return from_table(L, index);
    }
    if (lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(
            L, "the timestamp must be a number or {sec, nsec}, not a %s", luaL_typename(L, index)
        );
    }
    const double seconds = lua_tonumber(L, index);
    if (seconds == to_seconds(old)) {
        return old;  // a double has no room for nanoseconds: what was not changed keeps them
    }
    if (!(std::abs(seconds) < 9.2e9)) {
        luaL_error(L, "the timestamp is outside of the years 1678 to 2262");
    }
    const double whole = std::floor(seconds);
    // A double of today's time has a resolution of about 0.2 microseconds.
    const double micros = std::round((seconds - whole) * 1e6);
    return {static_cast<int64_t>(whole) * kNanosPerSecond + static_cast<int64_t>(micros) * 1'000};
}

void push_labels(lua_State* L, const StreamLabels& labels) {
    lua_createtable(L, 0, static_cast<int>(labels.pairs().size()));
    for (const auto& [name, value] : labels.pairs()) {
        lua_pushlstring(L, name.data(), name.size());
        lua_pushlstring(L, value.data(), value.size());
        lua_rawset(L, -3);
    }
}

SeverityNumber read_severity(lua_State* L, int index) {
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t size = 0;
        const char* text = lua_tolstring(L, index, &size);
        const SeverityNumber severity = severity_from_text({text, size});
        if (severity == kSeverityUnset && size > 0) {
            luaL_error(L, "`%s` is no severity", text);
        }
        return severity;
    }
    const int64_t number = check_integer(L, index, "severity");
    if (number < 0 || number > 24) {
        luaL_error(L, "severity must be from 0 to 24");
    }
    return static_cast<SeverityNumber>(number);
}

void push_hex(lua_State* L, const uint8_t* bytes, size_t count) {
    std::array<char, 32> text;
    bool any = false;
    for (size_t i = 0; i < count; ++i) {
        any = any || bytes[i] != 0;
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    lua_pushlstring(L, text.data(), any ? 2 * count : 0);
}

void read_hex(lua_State* L, int index, uint8_t* bytes, size_t count, const char* what) {
    size_t size = 0;
    const char* text = luaL_optlstring(L, index, "", &size);
    if (size != 0 && size != 2 * count) {
        luaL_error(L, "%s must have %d hexadecimal digits", what, static_cast<int>(2 * count));
    }
    for (size_t i = 0; i < count; ++i) {
        const int high = size == 0 ? 0 : hex_digit(text[2 * i]);
        const int low = size == 0 ? 0 : hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            luaL_error(L, "%s must have %d hexadecimal digits", what, static_cast<int>(2 * count));
        }
        bytes[i] = static_cast<uint8_t>(high * 16 + low);
    }
}

Slice read_line(
    lua_State* L, int index, Slice old, ValueReader& reader, Arena& arena, std::string& scratch
) {
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t size = 0;
        const char* data = lua_tolstring(L, index, &size);
        const std::string_view text(data, size);
        return text == old ? old : reader.keep(text);
    }
    const Value value = reader.read(index, {}, nullptr);
    scratch.clear();
    if (value.kind() == ValueKind::kArray || value.kind() == ValueKind::kMap) {
        value.append_json(scratch);
    } else {
        scratch = value.to_text();
    }
    return arena.copy(scratch);
}

size_t value_bytes(const Value& value) {
    switch (value.kind()) {
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            return value.as_text().size();
        case ValueKind::kArray: {
            size_t bytes = 0;
            for (const Value& item : value.items()) {
                bytes += sizeof(Value) + value_bytes(item);
            }
            return bytes;
        }
        case ValueKind::kMap: {
            size_t bytes = 0;
            for (const ValueMember& member : value.members()) {
                bytes += sizeof(ValueMember) + member.name.size() + value_bytes(member.value);
            }
            return bytes;
        }
        default:
            return 8;
    }
}

}  // namespace seyir::plugins::lua

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/value_bridge.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include <lua.hpp>

namespace seyir::plugins::lua {
namespace {

constexpr int kTypeCdata = 10;  // LUA_TCDATA, which lua.h does not name
constexpr int64_t kExactMax = 1LL << 53;
constexpr size_t kOrderedMembersMax = 64;
constexpr const char* kCell = "seyir.cell";           // int64_t[1], memory both sides see
constexpr const char* kFromCell = "seyir.from_cell";  // () -> int64 cdata
constexpr const char* kToCell = "seyir.to_cell";      // (v) -> 1 signed, 2 unsigned, 0 other

constexpr const char* kIntegers = R"lua(
local ffi, cell = ...
local tonumber, istype = tonumber, ffi.istype
local at = ffi.cast("int64_t*", cell)
local signed, unsigned = ffi.typeof("int64_t"), ffi.typeof("uint64_t")
return function() return at[0] end, function(v)
    if istype(signed, v) then at[0] = v return 1 end
    if istype(unsigned, v) then at[0] = ffi.cast(signed, v) return 2 end
    return 0
end
)lua";

int64_t* cell_of(lua_State* L) {
    lua_getfield(L, LUA_REGISTRYINDEX, kCell);
    auto* cell = static_cast<int64_t*>(lua_touserdata(L, -1));
    lua_pop(L, 1);
    return cell;
}

/// 1: `out` is the signed value, 2: the bits of an unsigned one, 0: some other cdata.
int read_cell(lua_State* L, int index, int64_t& out) {
    lua_pushvalue(L, index);
    lua_getfield(L, LUA_REGISTRYINDEX, kToCell);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    const auto kind = static_cast<int>(lua_tointeger(L, -1));
    lua_pop(L, 1);
    out = *cell_of(L);
    return kind;
}

bool is_whole(double number) {
    return std::abs(number) <= static_cast<double>(kExactMax) && std::trunc(number) == number;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

int absolute(lua_State* L, int index) {
    return index < 0 ? lua_gettop(L) + index + 1 : index;
}

}  // namespace

void open_value_bridge(lua_State* L) {
    auto* cell = static_cast<int64_t*>(lua_newuserdata(L, sizeof(int64_t)));
    *cell = 0;
    lua_setfield(L, LUA_REGISTRYINDEX, kCell);
    if (luaL_loadstring(L, kIntegers) != 0) {
        lua_error(L);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, "seyir.ffi");
    lua_getfield(L, LUA_REGISTRYINDEX, kCell);
    lua_call(L, 2, 2);
    lua_setfield(L, LUA_REGISTRYINDEX, kToCell);
    lua_setfield(L, LUA_REGISTRYINDEX, kFromCell);
}

void push_integer(lua_State* L, int64_t value) {
    if (-kExactMax <= value && value <= kExactMax) {
        lua_pushnumber(L, static_cast<double>(value));
        return;
    }
    *cell_of(L) = value;
    lua_getfield(L, LUA_REGISTRYINDEX, kFromCell);
    lua_call(L, 0, 1);
}

int64_t check_integer(lua_State* L, int index, const char* what) {
    int64_t value = 0;
    if (lua_type(L, index) == LUA_TNUMBER && is_whole(lua_tonumber(L, index))) {
        return static_cast<int64_t>(lua_tonumber(L, index));
    }
    if (lua_type(L, index) == kTypeCdata && read_cell(L, index, value) == 1) {
        return value;
    }
    return luaL_error(L, "%s must be an integer", what);
}

void push_value(lua_State* L, const Value& value, bool keep_nulls, int depth) {
    switch (value.kind()) {
        case ValueKind::kNull:
            if (keep_nulls) {
                lua_pushlightuserdata(L, nullptr);
            } else {
                lua_pushnil(L);
            }
            return;
        case ValueKind::kBool:
            lua_pushboolean(L, value.as_bool() ? 1 : 0);
            return;
        case ValueKind::kInt:
            push_integer(L, value.as_int());
            return;
        case ValueKind::kDouble:
            lua_pushnumber(L, value.as_double());
            return;
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            lua_pushlstring(L, value.as_text().data(), value.as_text().size());
            return;
        case ValueKind::kArray:
        case ValueKind::kMap:
            break;
    }
    if (depth >= kTableDepthMax) {
        luaL_error(L, "a field is nested deeper than %d levels", kTableDepthMax);
    }
    luaL_checkstack(L, 4, "record too deep");
    if (value.kind() == ValueKind::kArray) {
        const auto items = value.items();
        lua_createtable(L, static_cast<int>(items.size()), 0);
        for (size_t i = 0; i < items.size(); ++i) {
            push_value(L, items[i], true, depth + 1);  // a nil would end the list
            lua_rawseti(L, -2, static_cast<int>(i + 1));
        }
        return;
    }
    const auto members = value.members();
    lua_createtable(L, 0, static_cast<int>(members.size()));
    for (const ValueMember& member : members) {
        lua_pushlstring(L, member.name.data(), member.name.size());
        push_value(L, member.value, keep_nulls, depth + 1);
        lua_rawset(L, -3);
    }
}

void ValueReader::spend(size_t bytes) {
    if (values_left_ == 0) {
        luaL_error(L_, "a record may hold at most %d values", static_cast<int>(kTableValuesMax));
    }
    if (bytes > bytes_left_) {
        luaL_error(L_, "a record may hold at most %d bytes", static_cast<int>(kTableBytesMax));
    }
    --values_left_;
    bytes_left_ -= bytes;
}

Slice ValueReader::keep(std::string_view bytes) {
    spend(bytes.size());
    return arena_->copy(bytes);
}

std::string_view ValueReader::key_text(int index) {
    const int type = lua_type(L_, index);
    size_t size = 0;
    if (type == LUA_TSTRING) {
        const char* text = lua_tolstring(L_, index, &size);
        return {text, size};
    }
    if (type != LUA_TNUMBER) {
        luaL_error(L_, "a field's name must be a string, not a %s", luaL_typename(L_, index));
    }
    // Not lua_tolstring: it would change the key in place and confuse lua_next.
    const double number = lua_tonumber(L_, index);
    std::array<char, 32> buffer;
    const auto end = is_whole(number)
                         ? std::to_chars(buffer.begin(), buffer.end(), static_cast<int64_t>(number))
                         : std::to_chars(buffer.begin(), buffer.end(), number);
    return keep({buffer.data(), static_cast<size_t>(end.ptr - buffer.data())});
}

Value ValueReader::read(int index, std::string_view name, const Value* old, int depth) {
    switch (lua_type(L_, index)) {
        case LUA_TNIL:
            return Value::null();
        case LUA_TBOOLEAN:
            return Value::boolean(lua_toboolean(L_, index) != 0);
        case LUA_TNUMBER:
            return read_number(index, name, old);
        case LUA_TSTRING:
            return read_text(index, old);
        case LUA_TTABLE:
            return read_table(absolute(L_, index), name, old, depth);
        case LUA_TLIGHTUSERDATA:
            if (lua_touserdata(L_, index) == nullptr) {
                return Value::null();
            }
            break;
        case kTypeCdata:
            return read_cdata(absolute(L_, index), old);
        default:
            break;
    }
    luaL_error(L_, "a field cannot be a %s", luaL_typename(L_, index));
    return {};
}

Value ValueReader::read_number(int index, std::string_view name, const Value* old) const {
    const double number = lua_tonumber(L_, index);
    const bool is_forced = !rules_->int_keys.empty() && contains(rules_->int_keys, name);
    const bool was_double = old != nullptr && old->kind() == ValueKind::kDouble;
    if (is_forced && std::abs(number) < 9.2e18) {
        return Value::integer(static_cast<int64_t>(number));
    }
    return was_double || !is_whole(number) ? Value::real(number)
                                           : Value::integer(static_cast<int64_t>(number));
}

Value ValueReader::read_cdata(int index, const Value* old) {
    int64_t value = 0;
    const int kind = read_cell(L_, index, value);
    if (kind == 0) {
        luaL_error(L_, "a field cannot be a cdata other than a 64 bit integer");
    }
    if (kind == 2 && value < 0) {
        std::array<char, 24> buffer;
        const auto end = std::to_chars(buffer.begin(), buffer.end(), static_cast<uint64_t>(value));
        return Value::number_text(keep({buffer.data(), static_cast<size_t>(end.ptr - buffer.data())}
        ));
    }
    (void)old;
    return Value::integer(value);
}

Value ValueReader::read_text(int index, const Value* old) {
    size_t size = 0;
    const char* data = lua_tolstring(L_, index, &size);
    const std::string_view text(data, size);
    if (old != nullptr) {
        const ValueKind kind = old->kind();
        const bool was_text = kind == ValueKind::kString || kind == ValueKind::kBytes ||
                              kind == ValueKind::kNumberText;
        if (was_text && old->as_text() == text) {
            return *old;
        }
        if (kind == ValueKind::kBytes) {
            return Value::bytes(keep(text));
        }
    }
    return Value::string(keep(text));
}

Value ValueReader::read_table(int index, std::string_view name, const Value* old, int depth) {
    if (depth >= kTableDepthMax) {
        luaL_error(
            L_, "a table nested deeper than %d levels (does it hold itself?)", kTableDepthMax
        );
    }
    luaL_checkstack(L_, 6, "record too deep");
    size_t count = 0;
    size_t listed = 0;
    const size_t length = lua_objlen(L_, index);
    lua_pushnil(L_);
    while (lua_next(L_, index) != 0) {
        lua_pop(L_, 1);
        ++count;
        if (lua_type(L_, -1) == LUA_TNUMBER) {
            const double key = lua_tonumber(L_, -1);
            listed += key >= 1 && key <= static_cast<double>(length) && is_whole(key) ? 1 : 0;
        }
        if (count > values_left_) {
            luaL_error(
                L_, "a record may hold at most %d values", static_cast<int>(kTableValuesMax)
            );
        }
    }
    if (count == 0) {
        const bool was_list = old != nullptr && old->kind() == ValueKind::kArray;
        const bool was_map = old != nullptr && old->kind() == ValueKind::kMap;
        const bool is_list = was_list || (!was_map && contains(rules_->array_keys, name));
        return is_list ? Value::array({}) : Value::map({});
    }
    if (listed == count && count == length) {
        return read_list(index, count, old, depth);
    }
    return read_map(index, count, old, depth);
}

Value ValueReader::read_list(int index, size_t count, const Value* old, int depth) {
    const auto before = old != nullptr && old->kind() == ValueKind::kArray
                            ? old->items()
                            : std::span<const Value>();
    spend(count * sizeof(Value));
    auto* items = arena_->allocate_array<Value>(count);
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L_, index, static_cast<int>(i + 1));
        spend(0);
        new (items + i) Value(read(-1, {}, i < before.size() ? &before[i] : nullptr, depth + 1));
        lua_pop(L_, 1);
    }
    return Value::array({items, count});
}

Value ValueReader::read_map(int index, size_t count, const Value* old, int depth) {
    auto before = old != nullptr && old->kind() == ValueKind::kMap ? old->members()
                                                                   : std::span<const ValueMember>();
    if (before.size() > kOrderedMembersMax) {
        before = {};
    }
    spend(count * sizeof(ValueMember));
    auto* members = arena_->allocate_array<ValueMember>(count + before.size());
    size_t made = 0;
    lua_pushnil(L_);
    while (lua_next(L_, index) != 0 && made < count) {
        spend(0);
        std::string_view name = key_text(-2);
        const auto was =
            std::ranges::find_if(before, [&](const ValueMember& m) { return m.name == name; });
        const Value* old_value = was == before.end() ? nullptr : &was->value;
        name = was == before.end() ? keep(name) : was->name;
        new (members + made) ValueMember{name, read(-1, name, old_value, depth + 1)};
        ++made;
        lua_pop(L_, 1);
    }
    const bool has_nulls = std::ranges::any_of(before, [](const ValueMember& m) {
        return m.value.kind() == ValueKind::kNull;
    });
    if (has_nulls && !rules_->keep_nulls) {
        for (const ValueMember& member : before) {
            // A null was never shown to the script, so it was not removed by it either.
            const bool is_there = std::any_of(members, members + made, [&](const ValueMember& m) {
                return m.name == member.name;
            });
            if (member.value.kind() == ValueKind::kNull && !is_there) {
                new (members + made) ValueMember(member);
                ++made;
            }
        }
    }
    // The order members had; new ones after them by name (a Lua table has no order).
    const auto rank = [&](std::string_view name) {
        return std::ranges::find_if(before, [&](const ValueMember& m) { return m.name == name; }) -
               before.begin();
    };
    std::sort(members, members + made, [&](const ValueMember& a, const ValueMember& b) {
        const auto rank_a = rank(a.name);
        const auto rank_b = rank(b.name);
        return rank_a != rank_b ? rank_a < rank_b : a.name < b.name;
    });
    return Value::map({members, made});
}

}  // namespace seyir::plugins::lua

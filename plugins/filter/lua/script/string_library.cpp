// SPDX-License-Identifier: Apache-2.0
// string.find, match, gmatch, gsub and rep as Lua 5.1 has them, within the batch's budget.
// Frames that call into Lua hold nothing with a destructor: an error may unwind through them.
#include <algorithm>
#include <cstring>

#include <lua.hpp>

#include "plugins/filter/lua/script/lua_state.hpp"
#include "plugins/filter/lua/script/pattern.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr size_t kRepBytesMax = kMiB;

std::string_view check_text(lua_State* L, int index) {
    size_t size = 0;
    const char* text = luaL_checklstring(L, index, &size);
    return {text, size};
}

void check_problem(lua_State* L, const PatternMatcher& matcher) {
    if (matcher.problem() != nullptr) {
        LuaState::of(L).check_budget(L);
        luaL_error(L, "%s", matcher.problem());
    }
}

void push_capture(
    lua_State* L, const PatternMatcher& m, int i, const char* begin, const char* end
) {
    using Capture = PatternMatcher::Capture;
    if (i >= m.capture_count()) {
        if (i != 0) {
            luaL_error(L, "invalid capture index");
        }
        lua_pushlstring(L, begin, static_cast<size_t>(end - begin));
        return;
    }
    const Capture& capture = m.capture(i);
    if (capture.size == Capture::kUnfinished) {
        luaL_error(L, "unfinished capture");
    } else if (capture.size == Capture::kPosition) {
        lua_pushinteger(L, capture.begin - m.subject().data() + 1);
    } else {
        lua_pushlstring(L, capture.begin, static_cast<size_t>(capture.size));
    }
}

/// All captures; the whole match when there is none and `begin` is given.
int push_captures(lua_State* L, const PatternMatcher& m, const char* begin, const char* end) {
    const int count = m.capture_count() == 0 && begin != nullptr ? 1 : m.capture_count();
    luaL_checkstack(L, count, "too many captures");
    for (int i = 0; i < count; ++i) {
        push_capture(L, m, i, begin, end);
    }
    return count;
}

size_t start_index(lua_State* L, int index, size_t size) {
    ptrdiff_t at = luaL_optinteger(L, index, 1);
    if (at < 0) {
        at += static_cast<ptrdiff_t>(size) + 1;
    }
    at = at > 0 ? at - 1 : 0;
    return static_cast<size_t>(at);
}

bool is_plain(std::string_view pattern) {
    return pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

int find_plain(lua_State* L, std::string_view text, std::string_view pattern, size_t from) {
    uint64_t& left = LuaState::of(L).steps_left();
    const size_t at = text.find(pattern, from);
    const uint64_t cost = (at == std::string_view::npos ? text.size() - from : at - from) / 16;
    left -= std::min(left, cost);
    LuaState::of(L).check_budget(L);
    if (at == std::string_view::npos) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
    lua_pushinteger(L, static_cast<lua_Integer>(at + pattern.size()));
    return 2;
}

int find_or_match(lua_State* L, bool is_find) {
    const std::string_view text = check_text(L, 1);
    std::string_view pattern = check_text(L, 2);
    const size_t from = start_index(L, 3, text.size());
    if (from > text.size()) {
        lua_pushnil(L);
        return 1;
    }
    if (is_find && (lua_toboolean(L, 4) != 0 || is_plain(pattern))) {
        return find_plain(L, text, pattern, from);
    }
    const bool is_anchored = pattern.starts_with('^');
    if (is_anchored) {
        pattern.remove_prefix(1);
    }
    PatternMatcher matcher(text, pattern, LuaState::of(L).steps_left());
    const char* end_of_text = text.data() + text.size();
    for (const char* at = text.data() + from; at <= end_of_text; ++at) {
        const char* end = matcher.match(at);
        check_problem(L, matcher);
        if (end != nullptr) {
            if (!is_find) {
                return push_captures(L, matcher, at, end);
            }
            lua_pushinteger(L, at - text.data() + 1);
            lua_pushinteger(L, end - text.data());
            return 2 + push_captures(L, matcher, nullptr, nullptr);
        }
        if (is_anchored) {
            break;
        }
    }
    lua_pushnil(L);
    return 1;
}

int find(lua_State* L) {
    return find_or_match(L, true);
}

int match(lua_State* L) {
    return find_or_match(L, false);
}

int next_match(lua_State* L) {
    const std::string_view text = check_text(L, lua_upvalueindex(1));
    const std::string_view pattern = check_text(L, lua_upvalueindex(2));
    PatternMatcher matcher(text, pattern, LuaState::of(L).steps_left());
    const char* end_of_text = text.data() + text.size();
    const char* at = text.data() + lua_tointeger(L, lua_upvalueindex(3));
    for (; at <= end_of_text; ++at) {
        const char* end = matcher.match(at);
        check_problem(L, matcher);
        if (end != nullptr) {
            lua_pushinteger(L, end - text.data() + (end == at ? 1 : 0));
            lua_replace(L, lua_upvalueindex(3));
            return push_captures(L, matcher, at, end);
        }
    }
    return 0;
}

int gmatch(lua_State* L) {
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_match, 3);
    return 1;
}

void add_template(
    luaL_Buffer* out, lua_State* L, const PatternMatcher& m, const char* begin, const char* end
) {
    const std::string_view text = check_text(L, 3);
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 1 == text.size()) {
            luaL_addchar(out, text[i]);
            continue;
        }
        const char next = text[++i];
        if (next == '0') {
            luaL_addlstring(out, begin, static_cast<size_t>(end - begin));
        } else if (next >= '1' && next <= '9') {
            push_capture(L, m, next - '1', begin, end);
            luaL_addvalue(out);
        } else {
            luaL_addchar(out, next);
        }
    }
}

void add_replacement(
    luaL_Buffer* out, lua_State* L, const PatternMatcher& m, const char* begin, const char* end
) {
    switch (lua_type(L, 3)) {
        case LUA_TFUNCTION:
            lua_pushvalue(L, 3);
            lua_call(L, push_captures(L, m, begin, end), 1);
            break;
        case LUA_TTABLE:
            push_capture(L, m, 0, begin, end);
            lua_gettable(L, 3);
            break;
        default:
            add_template(out, L, m, begin, end);
            return;
    }
    if (lua_toboolean(L, -1) == 0) {
        lua_pop(L, 1);
        lua_pushlstring(L, begin, static_cast<size_t>(end - begin));
    } else if (lua_isstring(L, -1) == 0) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
}

int gsub(lua_State* L) {
    const std::string_view text = check_text(L, 1);
    std::string_view pattern = check_text(L, 2);
    const int kind = lua_type(L, 3);
    luaL_argcheck(
        L,
        kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE,
        3,
        "string/function/table expected"
    );
    const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(text.size()) + 1);
    const bool is_anchored = pattern.starts_with('^');
    if (is_anchored) {
        pattern.remove_prefix(1);
    }
    PatternMatcher matcher(text, pattern, LuaState::of(L).steps_left());
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    const char* at = text.data();
    const char* end_of_text = text.data() + text.size();
    lua_Integer count = 0;
    while (count < most) {
        const char* end = matcher.match(at);
        check_problem(L, matcher);
        if (end != nullptr) {
            ++count;
            add_replacement(&out, L, matcher, at, end);
        }
        if (end != nullptr && end > at) {
            at = end;
        } else if (at < end_of_text) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (is_anchored) {
            break;
        }
    }
    luaL_addlstring(&out, at, static_cast<size_t>(end_of_text - at));
    luaL_pushresult(&out);
    lua_pushinteger(L, count);
    return 2;
}

int rep(lua_State* L) {
    const std::string_view text = check_text(L, 1);
    const lua_Integer count = luaL_checkinteger(L, 2);
    size_t size = 0;
    const char* separator = luaL_optlstring(L, 3, "", &size);
    if (count <= 0 || text.size() + size == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (static_cast<uint64_t>(count) > kRepBytesMax / (text.size() + size)) {
        return luaL_error(L, "string.rep: the result is larger than 1 MiB");
    }
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (lua_Integer i = 0; i < count; ++i) {
        if (i > 0) {
            luaL_addlstring(&out, separator, size);
        }
        luaL_addlstring(&out, text.data(), text.size());
    }
    luaL_pushresult(&out);
    return 1;
}

}  // namespace

void open_bounded_strings(lua_State* L) {
    static const luaL_Reg kFunctions[] = {
        {"find", find},
        {"match", match},
        {"gmatch", gmatch},
        {"gsub", gsub},
        {"rep", rep},
        {nullptr, nullptr}
    };
    lua_getglobal(L, LUA_STRLIBNAME);
    for (const luaL_Reg* entry = kFunctions; entry->name != nullptr; ++entry) {
        lua_pushcfunction(L, entry->func);
        lua_setfield(L, -2, entry->name);
    }
    lua_pushnil(L);
    lua_setfield(L, -2, "gfind");
    lua_pop(L, 1);
}

}  // namespace seyir::plugins::lua

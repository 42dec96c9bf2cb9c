// SPDX-License-Identifier: Apache-2.0
// What scripts may use. Everything that reads files, starts programs, loads code that was not
// checked, or runs where the instruction hook does not fire is left out.
#include <algorithm>
#include <cstring>

#include <lua.hpp>

#include "plugins/filter/lua/script/lua_state.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr size_t kPrintBytesMax = 4'096;

/// xpcall() would run its handler inside the hook, where hooks are off: an endless handler could
/// not be stopped. So the handler runs after the stack was unwound.
constexpr const char* kXpcall = R"lua(
local pcall = ...
local function finish(handler, ok, ...)
    if ok then return ok, ... end
    return false, handler((...))
end
return function(f, handler, ...) return finish(handler, pcall(f, ...)) end
)lua";

int print(lua_State* L) {
    luaL_Buffer line;
    const int count = lua_gettop(L);
    lua_getglobal(L, "tostring");
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; ++i) {
        if (i > 1) {
            luaL_addchar(&line, ' ');
        }
        lua_pushvalue(L, count + 1);
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    size_t size = 0;
    const char* text = luaL_checklstring(L, -1, &size);
    LuaState::of(L).log_line({text, std::min(size, kPrintBytesMax)});
    return 0;
}

void open_library(lua_State* L, const char* name, lua_CFunction open) {
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

void forget(lua_State* L, int table, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        lua_pushnil(L);
        lua_setfield(L, table, name);
    }
}

/// os.time, date, clock and difftime, without the rest of os.
void open_time(lua_State* L) {
    open_library(L, LUA_OSLIBNAME, luaopen_os);
    lua_getglobal(L, LUA_OSLIBNAME);
    lua_createtable(L, 0, 4);
    for (const char* name : {"time", "date", "clock", "difftime"}) {
        lua_getfield(L, -2, name);
        lua_setfield(L, -2, name);
    }
    lua_setglobal(L, LUA_OSLIBNAME);
    lua_pop(L, 1);
}

}  // namespace

void open_sandbox(lua_State* L) {
    open_library(L, "", luaopen_base);
    open_library(L, LUA_TABLIBNAME, luaopen_table);
    open_library(L, LUA_STRLIBNAME, luaopen_string);
    open_library(L, LUA_MATHLIBNAME, luaopen_math);
    open_library(L, LUA_BITLIBNAME, luaopen_bit);
    open_time(L);
    // For our own use (parameter counts, 64 bit integers); not for scripts.
    open_library(L, LUA_DBLIBNAME, luaopen_debug);
    lua_getglobal(L, LUA_DBLIBNAME);
    lua_getfield(L, -1, "getinfo");
    lua_setfield(L, LUA_REGISTRYINDEX, "seyir.getinfo");
    lua_pop(L, 1);
    lua_pushcfunction(L, luaopen_ffi);
    lua_call(L, 0, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "seyir.ffi");

    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    if (luaL_loadstring(L, kXpcall) != 0) {
        lua_error(L);
    }
    lua_getglobal(L, "pcall");
    lua_call(L, 1, 1);
    lua_setglobal(L, "xpcall");
    // newproxy: its __gc would run with hooks off. load and friends: bytecode is not verified.
    forget(
        L,
        LUA_GLOBALSINDEX,
        {"dofile",
         "loadfile",
         "load",
         "loadstring",
         "require",
         "module",
         "package",
         "io",
         "debug",
         "ffi",
         "jit",
         "newproxy",
         "getfenv",
         "setfenv",
         "gcinfo",
         "coroutine",
         "collectgarbage",
         "_VERSION"}
    );
    lua_getglobal(L, LUA_STRLIBNAME);
    forget(L, lua_gettop(L), {"dump"});
    lua_pop(L, 1);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    forget(L, lua_gettop(L), {"io", "os", "debug", "ffi", "package", "jit"});
    lua_pop(L, 1);
}

}  // namespace seyir::plugins::lua

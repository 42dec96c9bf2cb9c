// SPDX-License-Identifier: Apache-2.0
// inspect(value): tables as `{a = 1, b = {"x"}}`, keys sorted where they are strings, bounded in
// depth, items and bytes; for print() and for error messages.
#include <algorithm>

#include <lua.hpp>

#include "plugins/filter/lua/script/lua_state.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr const char* kInspect = R"lua(
local type, tostring, pairs, format, concat, sort =
    type, tostring, pairs, string.format, table.concat, table.sort
local find = string.find
local kDepth, kItems, kText = 6, 200, 1000
local function quoted(s)
    if #s > kText then s = s:sub(1, kText) .. "..." end
    return (format("%q", s):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
end
local function show(v, depth, seen, left)
    local kind = type(v)
    if kind == "string" then return quoted(v) end
    if v == flb_null then return "flb_null" end
    if kind == "userdata" and v.fields then v = v:fields() kind = "table" end
    if kind ~= "table" then return tostring(v) end
    if seen[v] then return "<cycle>" end
    if depth == 0 then return "{...}" end
    seen[v] = true
    local out, count = {}, #v
    for i = 1, count do
        left[1] = left[1] - 1
        if left[1] < 0 then break end
        out[#out + 1] = show(v[i], depth - 1, seen, left)
    end
    local keys = {}
    for k in pairs(v) do
        if not (type(k) == "number" and k >= 1 and k <= count and k % 1 == 0) then
            keys[#keys + 1] = k
            if #keys > left[1] then break end
        end
    end
    sort(keys, function(a, b)
        if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
        return type(a) < type(b)
    end)
    for _, k in pairs(keys) do
        left[1] = left[1] - 1
        if left[1] < 0 then out[#out + 1] = "..." break end
        local name = k
        if type(k) ~= "string" or not find(k, "^[%a_][%w_]*$") then
            name = "[" .. (type(k) == "string" and quoted(k) or tostring(k)) .. "]"
        end
        out[#out + 1] = name .. " = " .. show(v[k], depth - 1, seen, left)
    end
    seen[v] = nil
    return "{" .. concat(out, ", ") .. "}"
end
return function(v) return show(v, kDepth, {}, {kItems}) end
)lua";

}  // namespace

void open_inspect(lua_State* L) {
    if (luaL_loadstring(L, kInspect) != 0) {
        lua_error(L);
    }
    lua_call(L, 0, 1);
    lua_setglobal(L, "inspect");
}

}  // namespace seyir::plugins::lua

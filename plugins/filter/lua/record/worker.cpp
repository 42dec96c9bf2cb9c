// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/worker.hpp"

#include <fmt/format.h>
#include <lua.hpp>

#include "common/base/log.hpp"
#include "plugins/filter/lua/record/batch_mode.hpp"

namespace seyir::plugins::lua {
namespace {

struct Lookup {
    const char* name;
    int parameters;
};

int find_function(lua_State* L, void* context) {
    auto& lookup = *static_cast<Lookup*>(context);
    open_value_bridge(L);
    open_batch_mode(L);
    lua_getglobal(L, lookup.name);
    if (!lua_isfunction(L, -1)) {
        lookup.parameters = -1;
        return 0;
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, "seyir.function");
    lua_getfield(L, LUA_REGISTRYINDEX, "seyir.getinfo");
    lua_insert(L, -2);
    lua_pushliteral(L, "u");
    lua_call(L, 2, 1);
    lua_getfield(L, -1, "nparams");
    lookup.parameters = static_cast<int>(lua_tointeger(L, -1));
    return 0;
}

}  // namespace

Result<void> LuaWorker::open() {
    SEYIR_TRY(auto state, LuaState::make(options_->script, options_->limits, clock_));
    Lookup lookup{function_name(), 0};
    SEYIR_CHECK(state->call(&find_function, &lookup));
    if (lookup.parameters < 0) {
        const bool is_native = options_->call.empty();
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "{}: the script defines no global function `{}`{}",
                options_->script.name,
                function_name(),
                is_native ? "; for a Fluent Bit callback name it with `call`" : ""
            )
        );
    }
    parameters_ = lookup.parameters;
    state_ = std::move(state);
    return {};
}

void LuaWorker::recover(LuaProblem problem) {
    if (problem != LuaProblem::kMemory || state_->make_room()) {
        return;
    }
    log::warn(
        "lua",
        "a script kept all memory it may use: it starts anew, without what it remembered",
        {{"script", options_->script.name}}
    );
    if (const auto opened = open(); !opened) {
        // The old state goes on, and its rows fail as this one did, until there is room.
        log::error("lua", opened.error().message, {{"script", options_->script.name}});
    }
}

}  // namespace seyir::plugins::lua

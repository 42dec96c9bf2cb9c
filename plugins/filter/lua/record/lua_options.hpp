// SPDX-License-Identifier: Apache-2.0
// LuaOptions: what an operator can say about one `lua` filter. Plain data.
#pragma once

#include <string>

#include "plugins/filter/lua/record/value_bridge.hpp"
#include "plugins/filter/lua/script/lua_state.hpp"

namespace seyir::plugins::lua {

struct LuaOptions {
    LuaScript script;
    LuaLimits limits;
    std::string call;  ///< Fluent Bit's callback; "": the script's process(batch)
    std::string line_key = "log";
    bool time_as_table = false;
    ValueRules rules;
};

}  // namespace seyir::plugins::lua

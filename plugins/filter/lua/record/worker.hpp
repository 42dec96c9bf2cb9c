// SPDX-License-Identifier: Apache-2.0
// LuaWorker: one filter instance's interpreter, made anew when a script filled its memory.
// Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "plugins/filter/lua/record/lua_options.hpp"
#include "plugins/filter/lua/record/outcomes.hpp"

namespace seyir::plugins::lua {

class LuaWorker {
  public:
    LuaWorker(std::shared_ptr<const LuaOptions> options, io::Clock& clock)
        : options_(std::move(options)), clock_(clock) {}

    /// Runs the script; the function that is to be called must be there.
    Result<void> open();

    LuaState& state() { return *state_; }

    const LuaOptions& options() const { return *options_; }

    DropReasons& reasons() { return reasons_; }

    /// How many parameters the callback has (Fluent Bit's newer form has five).
    int parameters() const { return parameters_; }

    /// After a call failed with `problem`: makes the state fit to run again; a fresh one if need
    /// be.
    void recover(LuaProblem problem);

    /// The name of the function that rows go to.
    const char* function_name() const {
        return options_->call.empty() ? "process" : options_->call.c_str();
    }

  private:
    std::shared_ptr<const LuaOptions> options_;
    io::Clock& clock_;
    std::unique_ptr<LuaState> state_;
    DropReasons reasons_;
    int parameters_ = 0;
};

}  // namespace seyir::plugins::lua

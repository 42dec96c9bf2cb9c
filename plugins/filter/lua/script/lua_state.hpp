// SPDX-License-Identifier: Apache-2.0
// LuaState: one LuaJIT interpreter inside a fence: memory, instructions and what it may reach.
// Each worker has its own. The script's text runs once when the state is made.
// Threads: one at a time.
// Errors: every call ends as a Result; kinds in LuaProblem. Nothing a script does ends the program.
// Limits: LuaLimits. Instructions are counted every 1,000; steps of string patterns count as
// instructions, and so does every 20 ns of a library function that takes long. The compiler (JIT)
// is off: compiled loops cannot be stopped, and the units we ship forbid memory that is written and
// executed. Ownership: owns the interpreter; `LuaState::of(L)` finds it from within callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"

struct lua_State;

namespace seyir::plugins::lua {

struct LuaLimits {
    uint64_t memory_bytes_max = 64 * kMiB;
    /// For each batch; a call for one record gets at most a tenth.
    uint64_t instructions_max = 100'000'000;
};

struct LuaScript {
    std::string name;  ///< "team.lua" or the filter's id: what messages begin with
    std::string text;
    std::vector<std::pair<std::string, std::string>> environment;  ///< FLB_ENV
};

enum class LuaProblem : uint8_t { kScript, kInstructions, kMemory };

class LuaState {
  public:
    /// Compiles the script and runs its top level. kInvalidArgument: "name:line: what".
    static Result<std::unique_ptr<LuaState>> make(
        const LuaScript& script, LuaLimits limits, io::Clock& clock
    );
    LuaState(const LuaState&) = delete;
    LuaState& operator=(const LuaState&) = delete;
    ~LuaState();

    static LuaState& of(lua_State* L);

    lua_State* raw() { return state_; }

    /// Instructions until the next call of this are counted against `instructions`.
    void begin_budget(uint64_t instructions);

    /// What is left of the budget, for work done on the script's behalf; counted down in place.
    uint64_t& steps_left() { return steps_left_; }

    /// The hook's part: `instructions` ran, or something that took as long as more of them.
    void count_hook(uint64_t instructions);

    /// After steps were taken from outside of the hook: raises when none is left (needs `call`).
    void check_budget(lua_State* L);

    /// Runs `fn` protected: its Lua errors, and exceptions, become an Error. The stack is as
    /// before.
    using Protected = int (*)(lua_State* L, void* context);
    Result<void> call(Protected fn, void* context);

    /// Of the last failed call.
    LuaProblem last_problem() const { return problem_; }

    size_t memory_bytes() const { return memory_bytes_; }

    /// Collects garbage when much of the limit is in use; false when that did not help: the script
    /// keeps too much, and only a new state helps.
    bool make_room();

    /// `print` and friends: to the program's log, at most 100 lines a minute.
    void log_line(std::string_view line);

  private:
    LuaState(LuaLimits limits, io::Clock& clock) : limits_(limits), clock_(clock) {}

    Result<void> open(const LuaScript& script);
    static void* allocate(void* self, void* block, size_t old_size, size_t new_size);

    LuaLimits limits_;
    io::Clock& clock_;
    std::string name_;
    lua_State* state_ = nullptr;
    size_t memory_bytes_ = 0;
    bool hit_memory_ = false;
    uint64_t steps_left_ = 0;
    int64_t counted_at_ns_ = 0;
    LuaProblem problem_ = LuaProblem::kScript;
    SteadyTime log_minute_;
    uint32_t log_lines_ = 0;
    uint64_t log_suppressed_ = 0;
};

/// Leaves the libraries a script may use in its globals (sandbox.cpp); in a protected call.
void open_sandbox(lua_State* L);

/// Replaces string.find, match, gmatch, gsub and rep by bounded ones (string_library.cpp).
void open_bounded_strings(lua_State* L);

/// `inspect(value)`: any value as text, bounded (inspect.cpp).
void open_inspect(lua_State* L);

}  // namespace seyir::plugins::lua

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/script/lua_state.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>
#include <lua.hpp>

#include "common/base/log.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr int kHookEvery = 1'000;
/// An instruction of the interpreter takes 2 to 10 ns; what takes longer counts as several.
constexpr int64_t kNanosPerInstruction = 20;
constexpr uint32_t kLogLinesAMinute = 100;
constexpr size_t kMessageBytesMax = 1'024;
/// For the script's own top level, before there is a batch.
constexpr uint64_t kLoadInstructions = 50'000'000;

void on_count(lua_State* L, lua_Debug* /*activation*/) {
    LuaState& state = LuaState::of(L);
    state.count_hook(kHookEvery);
    state.check_budget(L);
}

int64_t thread_cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

struct CallFrame {
    LuaState::Protected fn;
    void* context;
};

int enter(lua_State* L) {
    const auto* frame = static_cast<const CallFrame*>(lua_touserdata(L, 1));
    lua_settop(L, 0);
    return frame->fn(L, frame->context);
}

/// The error value on top as text; never raises for the usual kinds.
std::string message_at_top(lua_State* L) {
    size_t size = 0;
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char* text = lua_tolstring(L, -1, &size);
        return {text, std::min(size, kMessageBytesMax)};
    }
    return fmt::format("error value is a {}", lua_typename(L, lua_type(L, -1)));
}

int load_and_run(lua_State* L, void* context) {
    const auto& script = *static_cast<const LuaScript*>(context);
    lua_gc(L, LUA_GCSTOP, 0);
    open_sandbox(L);
    open_bounded_strings(L);
    open_inspect(L);
    lua_createtable(L, 0, static_cast<int>(script.environment.size()));
    for (const auto& [name, value] : script.environment) {
        lua_pushlstring(L, value.data(), value.size());
        lua_setfield(L, -2, name.c_str());
    }
    lua_setglobal(L, "FLB_ENV");
    lua_pushlightuserdata(L, nullptr);
    lua_setglobal(L, "flb_null");
    lua_gc(L, LUA_GCRESTART, 0);
    lua_pushfstring(L, "=%s", script.name.c_str());
    // "t": text only. LuaJIT does not verify bytecode, so bytecode could do anything.
    if (luaL_loadbufferx(L, script.text.data(), script.text.size(), lua_tostring(L, -1), "t") !=
        0) {
        return lua_error(L);
    }
    lua_call(L, 0, 0);
    return 0;
}

}  // namespace

void* LuaState::allocate(void* self, void* block, size_t old_size, size_t new_size) {
    auto& state = *static_cast<LuaState*>(self);
    if (new_size == 0) {
        std::free(block);
        state.memory_bytes_ -= old_size;
        return nullptr;
    }
    if (new_size > old_size &&
        state.memory_bytes_ + (new_size - old_size) > state.limits_.memory_bytes_max) {
        state.hit_memory_ = true;
        return nullptr;
    }
    void* moved = std::realloc(block, new_size);
    if (moved != nullptr) {
        state.memory_bytes_ += new_size - old_size;
    }
    return moved;
}

Result<std::unique_ptr<LuaState>> LuaState::make(
    const LuaScript& script, LuaLimits limits, io::Clock& clock
) {
    std::unique_ptr<LuaState> state(new LuaState(limits, clock));
    SEYIR_CHECK(state->open(script));
    return state;
}

LuaState::~LuaState() {
    if (state_ != nullptr) {
        lua_close(state_);
    }
}

LuaState& LuaState::of(lua_State* L) {
    void* self = nullptr;
    lua_getallocf(L, &self);
    return *static_cast<LuaState*>(self);
}

Result<void> LuaState::open(const LuaScript& script) {
    name_ = script.name;
    state_ = lua_newstate(&LuaState::allocate, this);
    if (state_ == nullptr) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "{} of memory are too little for a Lua interpreter",
                format_bytes(limits_.memory_bytes_max)
            )
        );
    }
    luaJIT_setmode(state_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    begin_budget(kLoadInstructions);
    auto ran = call(&load_and_run, const_cast<LuaScript*>(&script));
    if (!ran) {
        return fail(ErrorCode::kInvalidArgument, std::move(ran.error().message));
    }
    return {};
}

void LuaState::begin_budget(uint64_t instructions) {
    steps_left_ = instructions;
    counted_at_ns_ = thread_cpu_ns();
    lua_sethook(state_, &on_count, LUA_MASKCOUNT, kHookEvery);
}

void LuaState::count_hook(uint64_t instructions) {
    // One instruction may be a table.concat() of megabytes: it counts by the time it took.
    const int64_t now_ns = thread_cpu_ns();
    const auto by_time =
        static_cast<uint64_t>(std::max<int64_t>(0, now_ns - counted_at_ns_)) / kNanosPerInstruction;
    counted_at_ns_ = now_ns;
    steps_left_ -= std::min(steps_left_, std::max(instructions, by_time));
}

void LuaState::check_budget(lua_State* L) {
    if (steps_left_ == 0) {
        problem_ = LuaProblem::kInstructions;
        // From now on at every instruction: a script cannot run on by catching this in pcall().
        lua_sethook(L, &on_count, LUA_MASKCOUNT, 1);
        luaL_error(L, "more instructions than `max_instructions` allows");
    }
}

Result<void> LuaState::call(Protected fn, void* context) {
    const int top = lua_gettop(state_);
    CallFrame frame{fn, context};
    problem_ = LuaProblem::kScript;
    hit_memory_ = false;
    const int status = lua_cpcall(state_, &enter, &frame);
    if (status == 0) {
        return {};
    }
    std::string message = message_at_top(state_);
    if (status == LUA_ERRMEM || (hit_memory_ && message == "not enough memory")) {
        problem_ = LuaProblem::kMemory;
        message = fmt::format(
            "{}: more memory than `max_memory` ({}) allows",
            name_,
            format_bytes(limits_.memory_bytes_max)
        );
    }
    lua_settop(state_, top);
    return fail(
        problem_ == LuaProblem::kScript ? ErrorCode::kInvalidArgument : ErrorCode::kTooLarge,
        std::move(message)
    );
}

bool LuaState::make_room() {
    if (memory_bytes_ <= limits_.memory_bytes_max / 4 * 3) {
        return true;
    }
    lua_gc(state_, LUA_GCCOLLECT, 0);
    return memory_bytes_ <= limits_.memory_bytes_max / 4 * 3;
}

void LuaState::log_line(std::string_view line) {
    const SteadyTime now = clock_.steady_now();
    if (now >= log_minute_ + std::chrono::minutes(1)) {
        log_minute_ = now;
        log_lines_ = 0;
        if (log_suppressed_ > 0) {
            log::info(
                "lua",
                "lines of print() left out",
                {{"script", name_}, {"lines", std::to_string(log_suppressed_)}}
            );
            log_suppressed_ = 0;
        }
    }
    if (log_lines_ == kLogLinesAMinute) {
        ++log_suppressed_;
        return;
    }
    ++log_lines_;
    log::info("lua", line, {{"script", name_}});
}

}  // namespace seyir::plugins::lua

// SPDX-License-Identifier: Apache-2.0
// Values to Lua and back without losing what Lua cannot say: 64 bit integers, the difference of 5
// and 5.0, of {} and [], bytes, nulls. What comes back unchanged is the value it was; what changed
// takes its kind from what was there before.
// All functions run inside LuaState::call(): they raise Lua errors and hold nothing that needs a
// destructor while they do.
// Limits: 32 levels, 65,536 values and 16 MiB for each record that comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/record/arena.hpp"
#include "common/record/value.hpp"

struct lua_State;

namespace seyir::plugins::lua {

inline constexpr int kTableDepthMax = 32;
inline constexpr uint32_t kTableValuesMax = 65'536;
inline constexpr size_t kTableBytesMax = 16U << 20U;

struct ValueRules {
    /// Nulls of maps and fields become `flb_null` instead of nil (which Lua tables cannot hold).
    bool keep_nulls = false;
    std::vector<std::string> int_keys;    ///< numbers under these names become integers
    std::vector<std::string> array_keys;  ///< empty tables under these names are lists
};

/// Once for each state: helpers for 64 bit integers.
void open_value_bridge(lua_State* L);

void push_value(lua_State* L, const Value& value, bool keep_nulls, int depth = 0);
/// Beyond 2^53 a 64 bit cdata, which Lua's arithmetic keeps exact.
void push_integer(lua_State* L, int64_t value);
/// An integer from a number without fraction or a 64 bit cdata; raises otherwise.
int64_t check_integer(lua_State* L, int index, const char* what);

class ValueReader {
  public:
    ValueReader(lua_State* L, Arena& arena, const ValueRules& rules)
        : L_(L), arena_(&arena), rules_(&rules) {}

    /// The value at `index`; `old` is what stood there before, or nullptr.
    Value read(int index, std::string_view name, const Value* old, int depth = 0);

    /// A key of a table as text: strings as they are, numbers printed. Raises for others.
    std::string_view key_text(int index);

    void begin_record() {
        values_left_ = kTableValuesMax;
        bytes_left_ = kTableBytesMax;
    }

    /// Copies into the arena, counted.
    Slice keep(std::string_view bytes);

  private:
    Value read_number(int index, std::string_view name, const Value* old) const;
    Value read_cdata(int index, const Value* old);
    Value read_text(int index, const Value* old);
    Value read_table(int index, std::string_view name, const Value* old, int depth);
    Value read_list(int index, size_t count, const Value* old, int depth);
    Value read_map(int index, size_t count, const Value* old, int depth);
    void spend(size_t bytes);

    lua_State* L_;
    Arena* arena_;
    const ValueRules* rules_;
    uint32_t values_left_ = 0;
    size_t bytes_left_ = 0;
};

}  // namespace seyir::plugins::lua

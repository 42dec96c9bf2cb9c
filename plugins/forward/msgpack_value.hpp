// SPDX-License-Identifier: Apache-2.0
// MessagePack <-> Value. Texts stay where they are: the caller's bytes must live as long as the
// arena (Arena::adopt). Binary that is UTF-8 counts as text, because many clients send all texts
// as binary. Keys that are no texts become their text ("7", "true").
// Threads: one owner at a time.   Errors: fault(); a reader that met one is not used again.
// Limits: ValueLimits, for each value read.
#pragma once

#include <cstdint>
#include <optional>

#include "common/codec/msgpack.hpp"
#include "common/record/arena.hpp"
#include "common/record/value.hpp"

namespace seyir::plugins::forward {

struct ValueLimits {
    int depth_max = 32;
    uint32_t values_max = 65'536;  ///< with everything nested
};

class ValueReader {
  public:
    enum class Fault : uint8_t { kNone, kTooDeep, kTooMany, kMalformed };

    ValueReader(codec::MsgpackReader& from, Arena& arena, const ValueLimits& limits)
        : from_(from), arena_(arena), limits_(limits) {}

    /// The next value; nothing after a fault.
    std::optional<Value> read() { return read(0); }

    /// The value whose head is `item`, already taken from the reader.
    std::optional<Value> read(const codec::MsgpackItem& item) { return convert(item, 0); }

    /// The next value as the text of a key.
    std::optional<Slice> read_key() { return read_key(0); }

    Fault fault() const { return fault_; }

  private:
    std::optional<Value> read(int depth);
    std::optional<Value> convert(const codec::MsgpackItem& item, int depth);
    std::optional<Value> read_array(uint32_t count, int depth);
    std::optional<Value> read_map(uint32_t count, int depth);
    std::optional<Slice> read_key(int depth);
    bool may_nest(uint32_t count, int depth);

    codec::MsgpackReader& from_;
    Arena& arena_;
    const ValueLimits& limits_;
    uint32_t values_ = 0;
    Fault fault_ = Fault::kNone;
};

void write_value(codec::MsgpackWriter& to, const Value& value);

}  // namespace seyir::plugins::forward

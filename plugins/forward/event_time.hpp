// SPDX-License-Identifier: Apache-2.0
// Times of the forward protocol: EventTime (ext type 0: seconds and nanoseconds, 32 bits each),
// MessagePack's own timestamp (ext type -1) and plain numbers. Integers are seconds by the
// protocol; those too large for that are read by their magnitude as milliseconds, microseconds or
// nanoseconds, because clients send them (npm `fluent-logger` sends float milliseconds).
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/time.hpp"
#include "common/codec/msgpack.hpp"

namespace seyir::plugins::forward {

struct EventTime {
    /// Fluent Bit 3.2+ frames records of one resource with two markers in the place of a time.
    enum class Mark : uint8_t { kNone, kGroupBegin, kGroupEnd };

    std::optional<UnixNanos> ts;  ///< nothing: a marker, or a number out of range
    Mark mark = Mark::kNone;
};

/// Nothing when the value is of a kind that is no time.
std::optional<EventTime> read_event_time(const codec::MsgpackItem& item);

/// As EventTime; before 1970 and after 2106, which it cannot say, as integer seconds.
void write_event_time(codec::MsgpackWriter& to, UnixNanos ts);

}  // namespace seyir::plugins::forward

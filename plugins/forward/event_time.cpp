// SPDX-License-Identifier: Apache-2.0
#include "plugins/forward/event_time.hpp"

#include <cmath>
#include <limits>
#include <string_view>

namespace seyir::plugins::forward {
namespace {

using codec::MsgpackItem;
using codec::MsgpackType;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kSecond;  // year 2262
constexpr int8_t kEventTimeExt = 0;
constexpr int8_t kTimestampExt = -1;
constexpr uint64_t kGroupBegin = 0xffff'ffff;
constexpr uint64_t kGroupEnd = 0xffff'fffe;

uint64_t big_endian(std::string_view bytes) {
    uint64_t value = 0;
    for (const char c : bytes) {
        value = value << 8 | static_cast<uint8_t>(c);
    }
    return value;
}

EventTime of_parts(int64_t seconds, uint64_t nanos) {
    // The last second of the range is given up, so that the sum cannot overflow.
    if (nanos >= kSecond || seconds >= kSecondsMax || seconds <= -kSecondsMax) {
        return {};
    }
    return {.ts = UnixNanos{seconds * kSecond + static_cast<int64_t>(nanos)}};
}

std::optional<EventTime> of_ext(int8_t type, std::string_view bytes) {
    if (type == kEventTimeExt && bytes.size() == 8) {
        const uint64_t seconds = big_endian(bytes.substr(0, 4));
        if (seconds == kGroupBegin || seconds == kGroupEnd) {
            return EventTime{
                .mark = seconds == kGroupBegin ? EventTime::Mark::kGroupBegin
                                               : EventTime::Mark::kGroupEnd
            };
        }
        return of_parts(static_cast<int64_t>(seconds), big_endian(bytes.substr(4)));
    }
    if (type != kTimestampExt) {
        return std::nullopt;
    }
    switch (bytes.size()) {
        case 4:
            return of_parts(static_cast<int64_t>(big_endian(bytes)), 0);
        case 8: {
            const uint64_t both = big_endian(bytes);
            return of_parts(static_cast<int64_t>(both & 0x3'ffff'ffff), both >> 34);
        }
        case 12:
            return of_parts(
                static_cast<int64_t>(big_endian(bytes.substr(4))), big_endian(bytes.substr(0, 4))
            );
        default:
            return std::nullopt;
    }
}

EventTime of_integer(int64_t value) {
    int64_t units_a_second = 1;
    while (units_a_second < kSecond &&
           (value / units_a_second >= kSecondsMax || value / units_a_second <= -kSecondsMax)) {
        units_a_second *= 1000;
    }
    return {.ts = UnixNanos{value * (kSecond / units_a_second)}};
}

EventTime of_real(double value) {
    double unit = static_cast<double>(kSecond);
    const auto limit = static_cast<double>(kSecondsMax - 1);
    for (double scaled = value; unit >= 1; unit /= 1000, scaled /= 1000) {
        if (std::abs(scaled) < limit) {
            // Whole units apart: a double has too few digits for nanoseconds since 1970.
            const double whole = std::floor(value);
            const auto nanos = static_cast<int64_t>(std::llround((value - whole) * unit));
            return {
                .ts = UnixNanos{static_cast<int64_t>(whole) * static_cast<int64_t>(unit) + nanos}
            };
        }
    }
    return {};
}

}  // namespace

std::optional<EventTime> read_event_time(const MsgpackItem& item) {
    switch (item.type) {
        case MsgpackType::kExt:
            return of_ext(item.ext_type, item.bytes);
        case MsgpackType::kInt:
            return of_integer(item.integer);
        case MsgpackType::kUint:
            return EventTime{};
        case MsgpackType::kReal:
            return of_real(item.real);
        default:
            return std::nullopt;
    }
}

void write_event_time(codec::MsgpackWriter& to, UnixNanos ts) {
    const int64_t seconds = ts.value / kSecond;
    // The two largest seconds are Fluent Bit's markers.
    if (ts.value < 0 || seconds >= static_cast<int64_t>(kGroupEnd)) {
        to.integer(seconds - (ts.value % kSecond < 0 ? 1 : 0));
        return;
    }
    const auto nanos = static_cast<uint32_t>(ts.value % kSecond);
    char bytes[8];
    for (int i = 0; i < 4; ++i) {
        bytes[i] = static_cast<char>(seconds >> (24 - 8 * i));
        bytes[4 + i] = static_cast<char>(nanos >> (24 - 8 * i));
    }
    to.ext(kEventTimeExt, {bytes, sizeof(bytes)});
}

}  // namespace seyir::plugins::forward

// SPDX-License-Identifier: Apache-2.0
// What is known of one numbering of a journal's entries: the lane of the wire, and cursors.
// A cursor is "s=SEQNUM_ID;i=NUMBER;b=BOOT;m=MONOTONIC;t=REALTIME_US;x=HASH", numbers in hex.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/record/position.hpp"

namespace seyir::agent::input {

struct JournalCursor {
    std::string_view numbering;  ///< into the text
    uint64_t number = 0;
    uint64_t realtime_us = 0;
};

std::optional<JournalCursor> parse_cursor(std::string_view text);
/// One that can be sought: the entry of that number.
std::string cursor_of(std::string_view numbering, uint64_t number);
uint64_t cursor_hash(std::string_view text);

/// The lane's source: of this input, and of that numbering alone.
SourceId journal_source(std::string_view input, std::string_view numbering);

/// Up to where: the entry before `end` and what it was.
struct JournalMark {
    uint64_t end = 0;
    uint64_t hash = 0;  ///< of `cursor`
    std::string cursor;
};

struct JournalLane {
    SourceKey key;
    JournalMark acked;
    uint64_t read_end = 0;    ///< entries below it were read or are with the collector
    bool is_known = false;    ///< the collector was asked
    bool lane_start = false;  ///< the next stretch begins on purpose beyond what the store has
    uint64_t batch = 0;       ///< that has an origin of this lane open
    uint16_t origin = 0;
    JournalMark submitted;
};

}  // namespace seyir::agent::input

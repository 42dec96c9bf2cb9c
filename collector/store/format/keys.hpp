// SPDX-License-Identifier: Apache-2.0
// Keys of the database and of segment files. Numbers are big-endian, so that key order is number
// order; signed days are offset by 2^31 for the same reason.
// Threads: pure functions.   Format: docs/format/store-keys.md; nothing here may be renumbered.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.hpp"
#include "common/record/batch.hpp"
#include "common/record/ids.hpp"
#include "common/record/position.hpp"

namespace seyir::store {

/// A partition: days since 1970-01-01 (UTC).
struct Day {
    int32_t number = 0;

    auto operator<=>(const Day&) const = default;

    UnixNanos begin() const;
    UnixNanos end() const;
    /// "20261122": the partition's folder.
    std::string folder() const;
};

inline constexpr int64_t kDayNanos = 86'400'000'000'000;

Day day_of(UnixNanos ts);
std::optional<Day> day_from_folder(std::string_view name);

/// Rises with every stored batch; never reused.
using CommitNumber = uint64_t;
/// Rises with every segment file; never reused once in the catalogue.
using SegmentId = uint64_t;
/// Of one tenant; given by the store in order of first sight.
using StreamId = uint32_t;
/// Names a table of metric series: XXH3-128 of its bytes.
using TableHash = Id128<struct TableHashTag>;

namespace key {

// --- meta ---
inline constexpr std::string_view kFormat = "c:format";
inline constexpr std::string_view kStoreId = "c:store_id";
inline constexpr std::string_view kRestoreGeneration = "c:restore_generation";
inline constexpr std::string_view kNextCommit = "c:next_commit";
inline constexpr std::string_view kNextSegment = "c:next_segment";
inline constexpr std::string_view kSealedDay = "c:sealed_day";
inline constexpr std::string_view kRetentionFloor = "c:retention_floor";
inline constexpr std::string_view kClockStepped = "c:clock_stepped";
inline constexpr std::string_view kMaintainedAt = "c:maintained_at";
std::string epoch(TenantId tenant, AgentId agent);
/// Ordered by time first, so that expiry is one range.
std::string push(UnixNanos at, TenantId tenant, PushHash hash);
std::string push_time_prefix(UnixNanos at);

struct PushKey {
    UnixNanos at;
    TenantId tenant = TenantId::kDefault;
    PushHash hash;
};

std::optional<PushKey> parse_push(std::string_view bytes);

// --- lane ---
std::string lane(TenantId tenant, AgentId agent, uint16_t output, const SourceKey& source);
std::string lane_agent_prefix(TenantId tenant, AgentId agent);

// --- stage ---
inline constexpr char kStageEntry = 'i';
inline constexpr char kStagePayload = 'p';
std::string stage_entry(CommitNumber number);
std::string stage_payload(CommitNumber number);

// --- strm ---
std::string stream(TenantId tenant, StreamId id);

struct StreamKey {
    TenantId tenant = TenantId::kDefault;
    StreamId id = 0;
};

std::optional<StreamKey> parse_stream(std::string_view bytes);

// --- metric ---
std::string metric_day_prefix(Day day);
std::string metric_table(Day day, TenantId tenant, TableHash table);
/// Ordered by agent and table, then time: neighbours are alike.
std::string metric_row(Day day, TenantId tenant, AgentId agent, TableHash table, UnixNanos ts);
std::string metric_tables_prefix(Day day, TenantId tenant);
std::string metric_rows_prefix(Day day, TenantId tenant);
std::optional<Day> parse_metric_day(std::string_view bytes);
std::optional<TableHash> parse_metric_table(std::string_view bytes);

struct MetricRowKey {
    AgentId agent;
    TableHash table;
    UnixNanos ts;
};

std::optional<MetricRowKey> parse_metric_row(std::string_view bytes);

// --- cat ---
std::string day_totals(Day day);
std::optional<Day> parse_day_totals(std::string_view bytes);
std::string segment(Day day, SegmentId id);
std::string segment_prefix(Day day);
std::optional<SegmentId> parse_segment(std::string_view bytes);
std::string block(Day day, SegmentId id, uint32_t block);
std::string block_prefix(Day day, SegmentId id);
std::string block_day_prefix(Day day);

// --- inside a segment file ---
std::string file_column(uint32_t block, uint16_t column);
std::string file_filter_directory();
std::string file_filter_page(uint32_t group, uint32_t page);
std::string file_block_header(uint32_t block);
std::string file_block_row(uint32_t block);
std::string file_stream(StreamId id);
std::string file_summary();

/// The first key after every key that starts with `prefix`.
std::string prefix_end(std::string prefix);

}  // namespace key
}  // namespace seyir::store

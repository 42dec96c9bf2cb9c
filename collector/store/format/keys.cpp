// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/keys.hpp"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace seyir::store {
namespace {

constexpr char kEpoch = 'e';
constexpr char kPush = 'h';
constexpr char kStream = 's';
constexpr char kDayTotals = 'd';
constexpr char kSegment = 's';
constexpr char kBlock = 'b';
constexpr char kMetricTable = 't';
constexpr char kMetricRow = 'v';
constexpr size_t kMetricTableBytes = 4 + 1 + 4 + 16;
constexpr size_t kMetricRowBytes = 4 + 1 + 4 + 16 + 16 + 8;
constexpr char kFileColumn = 0x10;
constexpr char kFileFilter = 0x18;
constexpr char kFileBlockHeader = 0x20;
constexpr char kFileBlockRow = 0x30;
constexpr char kFileStream = 0x40;
constexpr char kFileSummary = 0x50;

template <class T>
void put_be(std::string& out, T v) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
        out += static_cast<char>(v >> shift);
    }
}

template <class T>
T get_be(std::string_view bytes, size_t at) {
    T v = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
        v = static_cast<T>((v << 8) | static_cast<uint8_t>(bytes[at + i]));
    }
    return v;
}

template <class Id>
void put_id(std::string& out, const Id& id) {
    put_be(out, id.hi);
    put_be(out, id.lo);
}

uint32_t order(Day day) {
    return static_cast<uint32_t>(day.number) ^ 0x80000000U;
}

Day day_from_order(uint32_t bytes) {
    return {static_cast<int32_t>(bytes ^ 0x80000000U)};
}

}  // namespace

UnixNanos Day::begin() const {
    int64_t ns = 0;
    if (__builtin_mul_overflow(static_cast<int64_t>(number), kDayNanos, &ns)) {
        return number < 0 ? UnixNanos::min() : UnixNanos::max();
    }
    return {ns};
}

UnixNanos Day::end() const {
    return Day{number + 1}.begin();
}

std::string Day::folder() const {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{number}}};
    return fmt::format(
        "{:04}{:02}{:02}",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day())
    );
}

Day day_of(UnixNanos ts) {
    const int64_t quotient = ts.value / kDayNanos;
    return {static_cast<int32_t>(ts.value % kDayNanos < 0 ? quotient - 1 : quotient)};
}

std::optional<Day> day_from_folder(std::string_view name) {
    uint32_t digits = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), digits);
    if (name.size() != 8 || error != std::errc{} || end != name.data() + name.size()) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(digits / 10000)),
        std::chrono::month(digits / 100 % 100),
        std::chrono::day(digits % 100)
    };
    if (!date.ok()) {
        return std::nullopt;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return Day{static_cast<int32_t>(days)};
}

namespace key {

std::string epoch(TenantId tenant, AgentId agent) {
    std::string out(1, kEpoch);
    put_be(out, static_cast<uint32_t>(tenant));
    put_id(out, agent);
    return out;
}

std::string push_time_prefix(UnixNanos at) {
    std::string out(1, kPush);
    put_be(out, static_cast<uint64_t>(at.value) ^ (1ULL << 63));
    return out;
}

std::string push(UnixNanos at, TenantId tenant, PushHash hash) {
    std::string out = push_time_prefix(at);
    put_be(out, static_cast<uint32_t>(tenant));
    put_id(out, hash);
    return out;
}

std::optional<PushKey> parse_push(std::string_view bytes) {
    if (bytes.size() != 29 || bytes[0] != kPush) {
        return std::nullopt;
    }
    return PushKey{
        .at = {static_cast<int64_t>(get_be<uint64_t>(bytes, 1) ^ (1ULL << 63))},
        .tenant = TenantId{get_be<uint32_t>(bytes, 9)},
        .hash = {get_be<uint64_t>(bytes, 13), get_be<uint64_t>(bytes, 21)},
    };
}

std::string metric_day_prefix(Day day) {
    std::string out;
    put_be(out, order(day));
    return out;
}

std::string metric_tables_prefix(Day day, TenantId tenant) {
    std::string out = metric_day_prefix(day);
    out += kMetricTable;
    put_be(out, static_cast<uint32_t>(tenant));
    return out;
}

std::string metric_rows_prefix(Day day, TenantId tenant) {
    std::string out = metric_day_prefix(day);
    out += kMetricRow;
    put_be(out, static_cast<uint32_t>(tenant));
    return out;
}

std::string metric_table(Day day, TenantId tenant, TableHash table) {
    std::string out = metric_tables_prefix(day, tenant);
    put_id(out, table);
    return out;
}

std::string metric_row(Day day, TenantId tenant, AgentId agent, TableHash table, UnixNanos ts) {
    std::string out = metric_rows_prefix(day, tenant);
    put_id(out, agent);
    put_id(out, table);
    put_be(out, static_cast<uint64_t>(ts.value) ^ (1ULL << 63));
    return out;
}

std::optional<Day> parse_metric_day(std::string_view bytes) {
    if (bytes.size() < 4) {
        return std::nullopt;
    }
    return day_from_order(get_be<uint32_t>(bytes, 0));
}

std::optional<TableHash> parse_metric_table(std::string_view bytes) {
    if (bytes.size() != kMetricTableBytes || bytes[4] != kMetricTable) {
        return std::nullopt;
    }
    return TableHash{get_be<uint64_t>(bytes, 9), get_be<uint64_t>(bytes, 17)};
}

std::optional<MetricRowKey> parse_metric_row(std::string_view bytes) {
    if (bytes.size() != kMetricRowBytes || bytes[4] != kMetricRow) {
        return std::nullopt;
    }
    return MetricRowKey{
        .agent = {get_be<uint64_t>(bytes, 9), get_be<uint64_t>(bytes, 17)},
        .table = {get_be<uint64_t>(bytes, 25), get_be<uint64_t>(bytes, 33)},
        .ts = {static_cast<int64_t>(get_be<uint64_t>(bytes, 41) ^ (1ULL << 63))},
    };
}

std::string lane_agent_prefix(TenantId tenant, AgentId agent) {
    std::string out;
    put_be(out, static_cast<uint32_t>(tenant));
    put_id(out, agent);
    return out;
}

std::string lane(TenantId tenant, AgentId agent, uint16_t output, const SourceKey& source) {
    std::string out = lane_agent_prefix(tenant, agent);
    put_be(out, output);
    put_id(out, source.source);
    put_be(out, source.generation);
    return out;
}

std::string stage_entry(CommitNumber number) {
    std::string out(1, kStageEntry);
    put_be(out, number);
    return out;
}

std::string stage_payload(CommitNumber number) {
    std::string out(1, kStagePayload);
    put_be(out, number);
    return out;
}

std::string stream(TenantId tenant, StreamId id) {
    std::string out(1, kStream);
    put_be(out, static_cast<uint32_t>(tenant));
    put_be(out, id);
    return out;
}

std::optional<StreamKey> parse_stream(std::string_view bytes) {
    if (bytes.size() != 9 || bytes[0] != kStream) {
        return std::nullopt;
    }
    return StreamKey{TenantId{get_be<uint32_t>(bytes, 1)}, get_be<uint32_t>(bytes, 5)};
}

std::string day_totals(Day day) {
    std::string out(1, kDayTotals);
    put_be(out, order(day));
    return out;
}

std::optional<Day> parse_day_totals(std::string_view bytes) {
    if (bytes.size() != 5 || bytes[0] != kDayTotals) {
        return std::nullopt;
    }
    return day_from_order(get_be<uint32_t>(bytes, 1));
}

std::string segment_prefix(Day day) {
    std::string out(1, kSegment);
    put_be(out, order(day));
    return out;
}

std::string segment(Day day, SegmentId id) {
    std::string out = segment_prefix(day);
    put_be(out, id);
    return out;
}

std::optional<SegmentId> parse_segment(std::string_view bytes) {
    if (bytes.size() != 13 || bytes[0] != kSegment) {
        return std::nullopt;
    }
    return get_be<uint64_t>(bytes, 5);
}

std::string block_day_prefix(Day day) {
    std::string out(1, kBlock);
    put_be(out, order(day));
    return out;
}

std::string block_prefix(Day day, SegmentId id) {
    std::string out = block_day_prefix(day);
    put_be(out, id);
    return out;
}

std::string block(Day day, SegmentId id, uint32_t block) {
    std::string out = block_prefix(day, id);
    put_be(out, block);
    return out;
}

std::string file_column(uint32_t block, uint16_t column) {
    std::string out(1, kFileColumn);
    put_be(out, block);
    put_be(out, column);
    return out;
}

std::string file_filter_directory() {
    return std::string(1, kFileFilter);
}

std::string file_filter_page(uint32_t group, uint32_t page) {
    std::string out(1, kFileFilter);
    put_be(out, group);
    put_be(out, page);
    return out;
}

std::string file_block_header(uint32_t block) {
    std::string out(1, kFileBlockHeader);
    put_be(out, block);
    return out;
}

std::string file_block_row(uint32_t block) {
    std::string out(1, kFileBlockRow);
    put_be(out, block);
    return out;
}

std::string file_stream(StreamId id) {
    std::string out(1, kFileStream);
    put_be(out, id);
    return out;
}

std::string file_summary() {
    return std::string(1, kFileSummary);
}

std::string prefix_end(std::string prefix) {
    while (!prefix.empty()) {
        if (static_cast<uint8_t>(prefix.back()) != 0xff) {
            prefix.back() = static_cast<char>(prefix.back() + 1);
            return prefix;
        }
        prefix.pop_back();
    }
    return prefix;
}

}  // namespace key
}  // namespace seyir::store

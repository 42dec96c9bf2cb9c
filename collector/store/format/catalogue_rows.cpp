// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/catalogue_rows.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "collector/store/format/row_reader.hpp"

namespace seyir::store {

using codec::append_le;
using codec::append_varint;

namespace {

constexpr std::string_view kSegmentSuffix = ".sst";
constexpr size_t kSegmentDigits = 16;

}  // namespace

std::string encode(const DayTotals& totals) {
    std::string out(1, static_cast<char>(kRowVersion));
    append_varint(out, totals.segments);
    append_varint(out, totals.blocks);
    append_varint(out, totals.rows);
    append_varint(out, totals.raw_bytes);
    append_varint(out, totals.file_bytes);
    append_le(out, totals.min_ts.value);
    append_le(out, totals.max_ts.value);
    return out;
}

Result<DayTotals> decode_day_totals(std::string_view bytes) {
    SEYIR_TRY(auto reader, open_row(bytes, "day row"));
    DayTotals totals;
    totals.segments = reader.varint();
    totals.blocks = reader.varint();
    totals.rows = reader.varint();
    totals.raw_bytes = reader.varint();
    totals.file_bytes = reader.varint();
    totals.min_ts = {reader.le<int64_t>()};
    totals.max_ts = {reader.le<int64_t>()};
    SEYIR_CHECK(close_row(reader, "day row"));
    return totals;
}

std::string encode(const SegmentSummary& summary) {
    std::string out(1, static_cast<char>(kRowVersion));
    append_le(out, static_cast<uint32_t>(summary.tenant));
    append_le(out, summary.min_ts.value);
    append_le(out, summary.max_ts.value);
    append_varint(out, summary.rows);
    append_varint(out, summary.raw_bytes);
    append_varint(out, summary.file_bytes);
    append_varint(out, summary.blocks);
    append_streams(out, summary.streams);
    return out;
}

Result<SegmentSummary> decode_segment(Day day, SegmentId id, std::string_view bytes) {
    SEYIR_TRY(auto reader, open_row(bytes, "segment row"));
    SegmentSummary summary{.day = day, .id = id};
    summary.tenant = TenantId{reader.le<uint32_t>()};
    summary.min_ts = {reader.le<int64_t>()};
    summary.max_ts = {reader.le<int64_t>()};
    summary.rows = reader.varint();
    summary.raw_bytes = reader.varint();
    summary.file_bytes = reader.varint();
    summary.blocks = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    summary.streams = read_streams(reader);
    SEYIR_CHECK(close_row(reader, "segment row"));
    return summary;
}

namespace {

constexpr uint8_t kBlockRowVersion = 2;
constexpr uint8_t kHasLevelAttrs = 1;

void append_run(std::string& out, const RunCounts& run, UnixNanos block_min) {
    append_varint(
        out, static_cast<uint64_t>(run.min_ts.value) - static_cast<uint64_t>(block_min.value)
    );
    append_varint(
        out, static_cast<uint64_t>(run.max_ts.value) - static_cast<uint64_t>(run.min_ts.value)
    );
    uint8_t present = 0;
    for (size_t level = 0; level < kLevels; ++level) {
        present = static_cast<uint8_t>(present | (run.levels[level].rows > 0 ? 1U << level : 0U));
    }
    out += static_cast<char>(present);
    for (const RunCounts::Level& level : run.levels) {
        if (level.rows > 0) {
            append_varint(out, level.rows);
            append_varint(out, level.bytes);
        }
    }
}

RunCounts read_run(codec::Reader& reader, StreamId stream, UnixNanos block_min) {
    RunCounts run{.stream = stream};
    run.min_ts = {static_cast<int64_t>(static_cast<uint64_t>(block_min.value) + reader.varint())};
    run.max_ts = {static_cast<int64_t>(static_cast<uint64_t>(run.min_ts.value) + reader.varint())};
    const uint8_t present = reader.u8();
    for (size_t level = 0; level < kLevels; ++level) {
        if ((present >> level & 1) != 0) {
            run.levels[level].rows = reader.varint_up_to(UINT32_MAX);
            run.levels[level].bytes = reader.varint();
        }
    }
    return run;
}

}  // namespace

std::string encode(const BlockRow& row) {
    std::string out(1, static_cast<char>(kBlockRowVersion));
    append_le(out, row.min_ts.value);
    append_le(out, row.max_ts.value);
    append_varint(out, row.rows);
    append_varint(out, row.raw_bytes);
    append_varint(out, row.stored_bytes);
    append_le(out, row.xxh3);
    append_streams(out, row.streams);
    out += static_cast<char>(row.has_level_attrs ? kHasLevelAttrs : 0);
    append_varint(out, row.runs.size());
    for (const RunCounts& run : row.runs) {
        append_run(out, run, row.min_ts);
    }
    return out;
}

Result<BlockRow> decode_block_row(std::string_view bytes) {
    uint8_t version = 0;
    SEYIR_TRY(auto reader, open_row(bytes, "block row", kBlockRowVersion, &version));
    BlockRow row;
    row.min_ts = {reader.le<int64_t>()};
    row.max_ts = {reader.le<int64_t>()};
    row.rows = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    row.raw_bytes = reader.varint();
    row.stored_bytes = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    row.xxh3 = reader.le<uint64_t>();
    row.streams = read_streams(reader);
    if (version >= 2) {
        row.has_level_attrs = (reader.u8() & kHasLevelAttrs) != 0;
        const uint64_t runs = reader.varint();
        if (runs != 0 && runs != row.streams.size()) {
            return fail(ErrorCode::kCorrupt, "block row has counts of other streams than its own");
        }
        for (uint64_t i = 0; i < runs && reader.ok(); ++i) {
            row.runs.push_back(read_run(reader, row.streams[i], row.min_ts));
        }
    }
    SEYIR_CHECK(close_row(reader, "block row"));
    return row;
}

void add(DayTotals& totals, const SegmentSummary& summary) {
    totals.segments += 1;
    totals.blocks += summary.blocks;
    totals.rows += summary.rows;
    totals.raw_bytes += summary.raw_bytes;
    totals.file_bytes += summary.file_bytes;
    totals.min_ts = std::min(totals.min_ts, summary.min_ts);
    totals.max_ts = std::max(totals.max_ts, summary.max_ts);
}

std::string segment_path(const std::string& folder, Day day, SegmentId id) {
    return fmt::format("{}/{}/{:016}{}", folder, day.folder(), id, kSegmentSuffix);
}

std::optional<SegmentId> segment_id_from_name(std::string_view name) {
    if (name.size() != kSegmentDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) {
        return std::nullopt;
    }
    SegmentId id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kSegmentDigits, id);
    if (error != std::errc{} || end != name.data() + kSegmentDigits) {
        return std::nullopt;
    }
    return id;
}

}  // namespace seyir::store

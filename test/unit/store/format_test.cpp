// SPDX-License-Identifier: Apache-2.0
// The bytes of docs/format/store-keys.md and docs/format/segment.md, and that nothing else parses.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/disk/database.hpp"
#include "collector/store/disk/rocksdb_file_system.hpp"
#include "collector/store/format/block_header.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "collector/store/lane_rules.hpp"
#include "collector/store/rocks_store.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::store;

namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out += fmt::format("{:02x}", static_cast<uint8_t>(c));
    }
    return out;
}

/// Every shortened and lengthened form must be refused, never read past its end.
template <class Decode>
void check_only_whole(const std::string& bytes, Decode decode) {
    CHECK(decode(bytes).has_value());
    for (size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(decode(bytes.substr(0, size)).has_value());
    }
    CHECK_FALSE(decode(bytes + '\0').has_value());
}

}  // namespace

TEST_SUITE("collector/store/format") {
    TEST_CASE("the documented lane example is what is written") {
        const LaneState lane{
            .committed = 258,
            .tail_hash = 7,
            .skipped_bytes = 0,
            .committed_at = {1'000'000'000},
            .cursor = ""
        };
        CHECK(
            hex(encode(lane)) ==
            "01020100000000000007000000000000000000000000000000"
            "00ca9a3b0000000000"
        );
        check_only_whole(encode(lane), [](const std::string& b) { return decode_lane(b); });
        CHECK(*decode_lane(encode(lane)) == lane);
    }

    TEST_CASE("the documented block header is what is written") {
        BlockHeader header;
        header.rows = 2;
        header.raw_bytes = 12;
        header.min_ts = {1000};
        header.max_ts = {1007};
        header.columns.push_back({.stored_bytes = 80, .raw_bytes = 100, .xxh3 = 9});
        header.runs.push_back({5, 2, {1000}, {1007}});
        const std::string bytes = encode(header);
        CHECK(
            hex(bytes) ==
            "534b010000000000020000000c00000000000000e803000000000000ef03000000000000"
            "01010001500000006400000009000000000000000105"
            "02000e"
        );
        check_only_whole(bytes, [](const std::string& b) { return decode_block_header(b); });
        CHECK(*decode_block_header(bytes) == header);
    }

    TEST_CASE("rows of the catalogue and the stage read back as written") {
        StageEntry entry{
            .number = 4,
            .tenant = TenantId{9},
            .rows = 3,
            .raw_bytes = 1000,
            .payload_bytes = 70'000,
            .xxh3 = 5,
            .min_ts = {-5},
            .max_ts = {77}
        };
        entry.streams = {1, 5, 4'000'000'000};
        CHECK(*decode_stage_entry(4, encode(entry)) == entry);
        check_only_whole(encode(entry), [](const std::string& b) {
            return decode_stage_entry(4, b);
        });
        SegmentSummary segment{
            .day = {20'000},
            .id = 3,
            .tenant = TenantId{2},
            .min_ts = {1},
            .max_ts = {2},
            .rows = 1'000'000,
            .raw_bytes = 1 << 30,
            .file_bytes = 99,
            .blocks = 17
        };
        segment.streams = {2, 3};
        CHECK(*decode_segment({20'000}, 3, encode(segment)) == segment);
        check_only_whole(encode(segment), [](const std::string& b) {
            return decode_segment({1}, 1, b);
        });
        BlockRow block{
            .min_ts = {1}, .max_ts = {2}, .rows = 5, .raw_bytes = 6, .stored_bytes = 7, .xxh3 = 8
        };
        block.streams = {300};
        CHECK(*decode_block_row(encode(block)) == block);
        check_only_whole(encode(block), [](const std::string& b) { return decode_block_row(b); });
        DayTotals totals;
        add(totals, segment);
        CHECK(*decode_day_totals(encode(totals)) == totals);
        check_only_whole(encode(totals), [](const std::string& b) { return decode_day_totals(b); });
        const auto labels = test::labels({{"a", "1"}, {"b", std::string(300, 'x')}});
        CHECK(**decode_labels(encode_labels(*labels)) == *labels);
    }

    TEST_CASE("a row of a later version is refused as such") {
        std::string bytes = encode(LaneState{});
        bytes[0] = 2;
        CHECK(decode_lane(bytes).error().code == ErrorCode::kUnsupported);
    }

    TEST_CASE("days are UTC, ordered, and named by date") {
        CHECK(day_of({0}).number == 0);
        CHECK(day_of({-1}).number == -1);
        CHECK(day_of(test::kNoon).folder() == "20260101");
        CHECK(day_from_folder("20260101") == day_of(test::kNoon));
        CHECK_FALSE(day_from_folder("20261301").has_value());
        CHECK_FALSE(day_from_folder("2026010").has_value());
        CHECK(day_of(UnixNanos::min()).begin() <= UnixNanos{UnixNanos::min().value + kDayNanos});
        CHECK(day_of(UnixNanos::max()).end() == UnixNanos::max());
        CHECK(key::segment({-1}, 1) < key::segment({0}, 1));
        CHECK(key::segment({0}, 255) < key::segment({0}, 256));
        CHECK(segment_path("s", day_of(test::kNoon), 7) == "s/20260101/0000000000000007.sst");
        CHECK(segment_id_from_name("0000000000000007.sst") == 7);
        CHECK_FALSE(segment_id_from_name("0000000000000007.sst.tmp").has_value());
    }

    TEST_CASE("a directory of a newer major version is refused with what to do") {
        test::StoreInMemory f;
        f.store.reset();
        {
            auto database = Database::open(
                {.path = "/data/db",
                 .env = make_rocksdb_env(f.fs),
                 .memtable_bytes = kMiB,
                 .wal_bytes_max = kMiB,
                 .deterministic = true}
            );
            REQUIRE(database.has_value());
            WriteSet set = (*database)->new_write();
            set.put(Family::kMeta, key::kFormat, encode_u64(2) + encode_u64(0));
            REQUIRE((*database)->write(std::move(set)).has_value());
        }
        const auto refused = RocksStore::open(f.options);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == ErrorCode::kUnsupported);
        CHECK(refused.error().message.find("newer") != std::string::npos);
    }

    TEST_CASE("lane rules: every relation of a stretch to what is committed") {
        using Kind = LaneVerdict::Kind;
        const auto kind = [](std::optional<uint64_t> committed,
                             uint64_t begin,
                             uint64_t end,
                             bool start) {
            std::optional<LaneState> known;
            if (committed) {
                known = LaneState{.committed = *committed};
            }
            return judge(known, {.key = {}, .begin = begin, .end = end, .lane_start = start}).kind;
        };
        CHECK(kind({}, 0, 5, false) == Kind::kStored);
        CHECK(kind({}, 3, 5, false) == Kind::kGap);
        CHECK(kind({}, 3, 5, true) == Kind::kStored);
        CHECK(kind(5, 5, 9, false) == Kind::kStored);
        CHECK(kind(5, 5, 5, false) == Kind::kStored);
        CHECK(kind(5, 0, 5, false) == Kind::kDuplicate);
        CHECK(kind(5, 1, 3, true) == Kind::kDuplicate);
        CHECK(kind(5, 3, 9, false) == Kind::kRewind);
        CHECK(kind(5, 3, 9, true) == Kind::kRewind);
        CHECK(kind(5, 7, 9, false) == Kind::kGap);
        CHECK(kind(5, 7, 9, true) == Kind::kStored);
        CHECK(kind(5, 9, 7, true) == Kind::kGap);
    }
}

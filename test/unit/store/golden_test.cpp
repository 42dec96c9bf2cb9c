// SPDX-License-Identifier: Apache-2.0
// Files of released formats stay readable. SEYIR_WRITE_GOLDEN=1 writes them anew.
#include <cstdlib>
#include <random>

#include <doctest/doctest.h>

#include "collector/store/disk/rocksdb_file_system.hpp"
#include "collector/store/disk/segment_reader.hpp"
#include "collector/store/format/block_header.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

const std::string kRoot = SEYIR_SOURCE_ROOT;
/// Rows as one payload; what this program writes anew is kGolden.
const std::string kGoldenPayload = kRoot + "/test/golden/segment_v1.sst";
const std::string kGolden = kRoot + "/test/golden/segment_v2.sst";
const std::string kCorpus = kRoot + "/test/fuzz/corpus/store_rows";

/// As a fuzz input: the first byte picks the decoder.
void write_input(const std::string& name, char decoder, const std::string& bytes) {
    io::FileSystem& fs = io::posix_file_system();
    REQUIRE(io::write_file_atomically(fs, kCorpus + "/" + name, decoder + bytes).has_value());
}

void write_golden_segment() {
    StoreInMemory f;
    REQUIRE(
        append(*f.store, {.lines = {"first", "", std::string("nul\0", 4), "caf\xe9"}}).has_value()
    );
    REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
    const auto bytes = io::read_file(f.fs, f.segment_files().at(0), kMiB);
    REQUIRE(bytes.has_value());
    REQUIRE(io::write_file_atomically(io::posix_file_system(), kGolden, *bytes).has_value());
}

void write_corpus() {
    using namespace store;
    REQUIRE(io::posix_file_system().make_directories(kCorpus).has_value());
    StageEntry entry{.rows = 3, .raw_bytes = 1000, .payload_bytes = 70'000};
    entry.streams = {1, 5, 4'000'000'000};
    SegmentSummary segment{.rows = 1'000'000, .blocks = 17};
    segment.streams = {2, 3};
    BlockHeader header{.rows = 2, .raw_bytes = 12, .min_ts = {1000}, .max_ts = {1007}};
    header.columns.push_back({.stored_bytes = 80, .raw_bytes = 100, .xxh3 = 9});
    header.runs.push_back({5, 2, {1000}, {1007}});
    write_input("lane", 0, encode(LaneState{.committed = 258, .cursor = "s=1"}));
    write_input("stage_entry", 1, encode(entry));
    write_input("segment", 2, encode(segment));
    write_input("block_row", 3, encode(BlockRow{.rows = 5, .streams = {300}}));
    write_input("day", 4, encode(DayTotals{}));
    write_input("block_header", 5, encode(header));
    write_input("labels", 6, encode_labels(*stream_of("app")));
}

void check_golden_segment(const std::string& path) {
    CAPTURE(path);
    const auto bytes = io::read_file(io::posix_file_system(), path, kMiB);
    REQUIRE(bytes.has_value());
    io::FaultyFileSystem fs(1);
    REQUIRE(fs.make_directories("/segments/20260101").has_value());
    REQUIRE(
        io::write_file_atomically(fs, "/segments/20260101/0000000000000001.sst", *bytes).has_value()
    );
    const store::SegmentFiles files{&fs, store::make_rocksdb_env(fs), "/segments"};
    const store::Day day = store::day_of(kNoon);
    const auto reader = store::SegmentReader::open(files, day, 1);
    REQUIRE(reader.has_value());
    const auto summary = (*reader)->summary(day, 1);
    REQUIRE(summary.has_value());
    CHECK(summary->rows == 4);
    CHECK(summary->blocks == 1);
    CHECK(summary->streams == std::vector<store::StreamId>{1});
    const auto row = (*reader)->block_row(0);
    REQUIRE(row.has_value());
    BatchDecoder decoder;
    const auto block = (*reader)->read_block(0, *row, TenantId::kDefault, decoder);
    REQUIRE(block.has_value());
    const RecordBatchPtr& batch = block->batch;
    REQUIRE(batch->row_count() == 4);
    CHECK(batch->body(0) == "first");
    CHECK(batch->body(1).empty());
    CHECK(batch->body(2) == std::string_view("nul\0", 4));
    CHECK(batch->body(3) == "caf\xe9");
    CHECK(batch->ts(3) == UnixNanos{kNoon.value + 3000});
    CHECK(batch->streams().at(0)->get("input") == "app");
}

}  // namespace

TEST_SUITE("collector/store/golden") {
    TEST_CASE("segments of format 1, their rows as a payload or as columns, are read") {
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            write_golden_segment();
        }
        check_golden_segment(kGoldenPayload);
        check_golden_segment(kGolden);
    }

    TEST_CASE("the committed corpus of the fuzz target and mutations of it run clean") {
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            write_corpus();
        }
        CHECK(replay_corpus(kCorpus) == 7);
        std::mt19937_64 random(11);
        for (const std::string& name : io::posix_file_system().list(kCorpus).value()) {
            const auto whole = io::read_file(io::posix_file_system(), kCorpus + "/" + name, kMiB);
            REQUIRE(whole.has_value());
            for (int i = 0; i < 3000; ++i) {
                std::string bytes = *whole;
                for (uint64_t flips = 1 + random() % 3; flips > 0 && bytes.size() > 1; --flips) {
                    bytes[1 + random() % (bytes.size() - 1)] = static_cast<char>(random());
                }
                bytes.resize(1 + random() % bytes.size());
                LLVMFuzzerTestOneInput(
                    reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()
                );
            }
        }
    }
}

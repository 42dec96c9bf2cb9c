// SPDX-License-Identifier: Apache-2.0
// Filters in the store: what a query finds with them is what it finds without.
#include <random>

#include <fmt/format.h>

#include "collector/store/disk/rocksdb_file_system.hpp"
#include "collector/store/disk/segment_reader.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

std::string id_of(uint64_t n) {
    return fmt::format("{:016x}", n * 0x9e3779b97f4a7c15U);
}

/// One segment of many small blocks; line n holds id_of(n).
struct Ids {
    StoreInMemory f;
    static constexpr uint64_t kRows = 3000;

    Ids() {
        f.options.block_raw_bytes = 4 * kKiB;
        f.open();
        uint64_t at = 0;
        for (uint64_t first = 0; first < kRows; first += 500) {
            Frame frame{.begin = at, .lines = {}, .ts = kNoon + std::chrono::seconds(first)};
            for (uint64_t n = first; n < first + 500; ++n) {
                frame.lines.push_back(
                    fmt::format("request {} done, Connection-Reset, id={} ok", n, id_of(n))
                );
            }
            at = frame.end();
            REQUIRE(append(*f.store, frame).has_value());
        }
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
    }

    ReadBack find(Needle needle) { return read_all(*f.store, {.holds = std::move(needle)}); }

    size_t holding(const ReadBack& found, std::string_view text) const {
        return static_cast<size_t>(std::ranges::count_if(found.rows, [&](const auto& row) {
            return row.second.find(text) != std::string::npos;
        }));
    }
};

}  // namespace

TEST_SUITE("collector/store/filter") {
    TEST_CASE("a rare text reads the blocks that hold it, whatever its case") {
        Ids ids;
        const uint64_t blocks = read_all(*ids.f.store).stats.blocks_read;
        REQUIRE(blocks > 40);
        uint64_t questions = 0;
        uint64_t read = 0;
        for (uint64_t n = 0; n < Ids::kRows; n += 71) {
            std::string text = id_of(n);
            for (const bool any_case : {false, true}) {
                const ReadBack found = ids.find(Needle::of(text, any_case));
                CHECK(ids.holding(found, id_of(n)) == 1);
                ++questions;
                read += found.stats.blocks_read;
                CHECK(found.stats.blocks_total == blocks);
                CHECK(found.stats.blocks_pruned_by_filter + found.stats.blocks_read == blocks);
                CHECK(found.stats.blocks_pruned == found.stats.blocks_pruned_by_filter);
                std::ranges::transform(text, text.begin(), [](char c) {
                    return static_cast<char>(std::toupper(c));
                });
            }
        }
        CHECK(read <= 2 * questions);
    }

    TEST_CASE("an absent text reads hardly a block, a common one reads them all") {
        Ids ids;
        uint64_t read = 0;
        for (uint64_t n = 0; n < 20; ++n) {
            const ReadBack found = ids.find(Needle::of(id_of(1'000'000 + n)));
            read += found.stats.blocks_read;
            CHECK(ids.holding(found, id_of(1'000'000 + n)) == 0);
        }
        CHECK(read < 20);
        const ReadBack common = ids.find(Needle::of("connection-reset", true));
        CHECK(common.rows.size() == Ids::kRows);
        CHECK(common.stats.blocks_pruned_by_filter == 0);
        CHECK(ids.find(Needle::of("unheard-of-things", true)).stats.blocks_read == 0);
    }

    TEST_CASE("either of two and both of two") {
        Ids ids;
        const Needle first = Needle::of(id_of(10));
        const Needle last = Needle::of(id_of(2900));
        const ReadBack either = ids.find(Needle::any({first, last}));
        CHECK(ids.holding(either, id_of(10)) == 1);
        CHECK(ids.holding(either, id_of(2900)) == 1);
        CHECK(either.stats.blocks_read <= 5);
        CHECK(ids.find(Needle::all({first, last})).stats.blocks_read <= 1);
        store::SelectQuery query;
        query.holds = Needle::all({Needle::of(id_of(10)), Needle::of("Connection-Reset")});
        CHECK(read_all(*ids.f.store, query).stats.blocks_read <= 3);
    }

    TEST_CASE("values of attributes and labels are found, which no line holds") {
        Ids ids;
        for (const char* value : {"/var/log/app.log", "h1", "app"}) {
            CAPTURE(value);
            const ReadBack found = ids.find(Needle::of(value, false, Needle::Place::kValue));
            CHECK(found.rows.size() == Ids::kRows);
        }
        const Needle absent = Needle::of("/var/log/other.log", false, Needle::Place::kValue);
        CHECK(ids.find(absent).stats.blocks_read < 20);
    }

    TEST_CASE("blocks are counted once, by the first means that rules them out") {
        Ids ids;
        store::SelectQuery query{.holds = Needle::of(id_of(10))};
        query.range = {kNoon + std::chrono::seconds(1000), kNoon + std::chrono::seconds(2001)};
        query.stream_matches = [](const StreamLabels& l) { return l.get("input") == "app"; };
        const ReadBack found = read_all(*ids.f.store, query);
        const uint64_t all = read_all(*ids.f.store).stats.blocks_total;
        CHECK(found.rows.empty());
        CHECK(found.stats.blocks_out_of_time > 0);
        CHECK(found.stats.blocks_pruned_by_stream == 0);
        CHECK(found.stats.blocks_pruned_by_filter > 0);
        CHECK(found.stats.blocks_out_of_time + found.stats.blocks_total == all);
        query.stream_matches = [](const StreamLabels&) { return false; };
        const ReadBack none = read_all(*ids.f.store, query);
        CHECK(none.stats.blocks_pruned_by_stream == none.stats.blocks_total);
        CHECK(none.stats.blocks_pruned_by_filter == 0);
    }

    TEST_CASE("wherever a bit of the file flips, nothing is missing that is not reported") {
        Ids ids;
        const std::string path = ids.f.segment_files().at(0);
        const auto whole = io::read_file(ids.f.fs, path, kMiB * 4);
        REQUIRE(whole.has_value());
        std::mt19937_64 random(5);
        uint64_t damaged = 0;
        for (int i = 0; i < 300; ++i) {
            const uint64_t bit = random() % (whole->size() * 8);
            ids.f.store.reset();  // no file is open
            REQUIRE(ids.f.fs.flip_bit(path, bit / 8).has_value());
            ids.f.open();
            const uint64_t n = random() % Ids::kRows;
            auto cursor = ids.f.store->select({.holds = Needle::of(id_of(n))});
            REQUIRE(cursor.has_value());
            const ReadBack found = read_back(**cursor);
            CAPTURE(bit / 8);
            CHECK((ids.holding(found, id_of(n)) == 1 || found.stats.blocks_corrupt > 0));
            damaged += found.stats.filters_damaged;
            ids.f.store.reset();
            REQUIRE(io::write_file_atomically(ids.f.fs, path, *whole).has_value());
        }
        CHECK(damaged > 0);
    }
}

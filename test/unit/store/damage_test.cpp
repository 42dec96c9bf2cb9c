// SPDX-License-Identifier: Apache-2.0
// One file gone or one bit flipped anywhere in the data directory: an answer is right, or it says
// that it is partial, or the store says why it does not open.
#include <algorithm>
#include <map>
#include <random>

#include <fmt/format.h>

#include "test/support/store_in_memory.hpp"

namespace {

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;
constexpr Nanos kDay = 24h;

using Files = std::map<std::string, std::string>;
using Rows = std::vector<std::pair<UnixNanos, std::string>>;

void collect(io::FileSystem& fs, const std::string& folder, Files& into) {
    for (const std::string& name : fs.list(folder).value()) {
        const std::string path = folder + "/" + name;
        if (fs.stat(path).value().is_directory) {
            collect(fs, path, into);
        } else {
            into[path] = io::read_file(fs, path, 64 * kMiB).value();
        }
    }
}

/// Rows in segments of two days and in the stage; the second half of them behind a memtable flush.
Files directory(Rows& truth, bool is_closed) {
    StoreInMemory f;
    f.options.block_raw_bytes = 4 * kKiB;
    f.open();
    uint64_t at = 0;
    for (int part = 0; part < 12; ++part) {
        Frame frame{.begin = at, .ts = kNoon + 1h * part};
        for (int i = 0; i < 40; ++i) {
            frame.lines.push_back(fmt::format(
                R"({{"level":"info","part":{},"n":{},"id":"{:016x}"}})",
                part,
                i,
                part * 977 + i * 31
            ));
        }
        at = frame.end();
        REQUIRE(append(*f.store, frame).has_value());
        if (part == 4 || part == 8) {
            REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        }
        if (part == 6) {
            REQUIRE(f.store->flush().has_value());
        }
    }
    truth = read_all(*f.store).rows;
    std::ranges::sort(truth);
    REQUIRE(truth.size() == 480);
    if (is_closed) {
        f.store.reset();
    }
    Files files;
    collect(f.fs, "/data", files);
    return files;
}

enum class Answer { kRight, kPartial, kRefused, kSilent };

/// What a store that finds these files says.
Answer ask(const Files& files, const Rows& truth) {
    StoreInMemory f;
    f.store.reset();
    Files leftover;
    collect(f.fs, "/data", leftover);
    for (const auto& [path, bytes] : leftover) {
        REQUIRE(f.fs.remove(path).has_value());
    }
    for (const auto& [path, bytes] : files) {
        REQUIRE(f.fs.make_directories(io::parent_directory(path)).has_value());
        REQUIRE(io::write_file_atomically(f.fs, path, bytes).has_value());
    }
    auto opened = store::RocksStore::open(f.options);
    if (!opened) {
        CHECK_FALSE(opened.error().message.empty());
        return Answer::kRefused;
    }
    auto cursor = (*opened)->select({});
    if (!cursor) {
        return Answer::kPartial;
    }
    Rows rows;
    while (true) {
        auto page = (*cursor)->next();
        if (!page) {
            return Answer::kPartial;
        }
        if (!page->has_value()) {
            break;
        }
        for_each_row({(*page)->batch, (*page)->rows}, [&](uint32_t i) {
            rows.emplace_back((*page)->batch->ts(i), std::string((*page)->batch->body(i)));
        });
    }
    std::ranges::sort(rows);
    if (rows == truth) {
        return Answer::kRight;
    }
    CHECK(std::ranges::includes(truth, rows));  // nothing is invented or shown twice
    const bool says_so = (*cursor)->stats().blocks_corrupt > 0 || !(*opened)->health().ok;
    return says_so ? Answer::kPartial : Answer::kSilent;
}

/// A bit of the first record in the newest log that has one.
void damage_log(StoreInMemory& f) {
    std::string log;
    for (const std::string& name : f.fs.list("/data/db").value()) {
        if (name.ends_with(".log") && f.fs.stat("/data/db/" + name)->size_bytes > 0) {
            log = "/data/db/" + name;
        }
    }
    REQUIRE_FALSE(log.empty());
    REQUIRE(f.fs.flip_bit(log, 12).has_value());
}

}  // namespace

TEST_SUITE("collector/store/damage") {
    TEST_CASE("whichever file is gone, nothing is missing that is not reported") {
        for (const bool is_closed : {true, false}) {
            Rows truth;
            const Files files = directory(truth, is_closed);
            REQUIRE(ask(files, truth) == Answer::kRight);
            for (const auto& [path, bytes] : files) {
                Files without = files;
                without.erase(path);
                CAPTURE(path);
                CAPTURE(is_closed);
                CHECK(ask(without, truth) != Answer::kSilent);
            }
        }
    }

    TEST_CASE("what a damaged log lost makes answers of all times before partial, until seen") {
        using namespace std::chrono_literals;
        StoreInMemory f;
        const Frame before{.lines = {"before"}, .ts = kNoon - kDay * 3};
        REQUIRE(append(*f.store, before)->accepted == 1);
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        f.clock.advance(1h);
        f.open();  // what came before is in table files now
        f.clock.advance(1h);
        const Frame lost{.begin = before.end(), .lines = {"lost"}, .ts = kNoon - kDay * 2};
        REQUIRE(append(*f.store, lost)->accepted == 1);
        const Frame more{.begin = lost.end(), .lines = {"more"}, .ts = kNoon + 2h};
        REQUIRE(append(*f.store, more)->accepted == 1);
        f.store.reset();
        damage_log(f);
        f.clock.advance(1h);
        f.open();
        const auto stats = [&](UnixNanos begin, UnixNanos end) {
            auto cursor = f.store->select({.range = {begin, end}});
            REQUIRE(cursor.has_value());
            return (*cursor)->stats();
        };
        // Times of the manual clock: opened at 13:00, found damaged at 15:00. One of the lost
        // records is of two days before, as of an agent that catches up; a clock may be a day
        // ahead.
        const auto partial = stats(kNoon, kNoon + kDay * 2);
        CHECK(partial.blocks_corrupt == 1);
        CHECK(partial.logs_lost == 1);
        CHECK(partial.lost_arrivals.begin == kNoon + 1h);
        CHECK(partial.lost_arrivals.end == kNoon + 3h + 1ns);
        CHECK(partial.corrupt.begin == kNoon);
        CHECK(partial.corrupt.end == kNoon + kDay + 3h);
        CHECK(stats(kNoon - kDay * 2, kNoon - kDay).blocks_corrupt == 1);
        CHECK(stats(kNoon - kDay * 4, kNoon + 59min).blocks_corrupt == 1);
        CHECK(stats(kNoon + 4h, kNoon + kDay).corrupt.end == kNoon + kDay - 1ns);
        CHECK(stats(kNoon + kDay + 4h, kNoon + kDay * 2).blocks_corrupt == 0);
        CHECK(stats(kNoon, kNoon).blocks_corrupt == 0);
        store::VolumeQuery volume;
        volume.range = {kNoon, kNoon + kDay};
        CHECK(f.store->volume(volume)->stats.blocks_corrupt == 1);
        // What the operator is told: until when, and what to do.
        const store::StoreHealth health = f.store->health();
        CHECK_FALSE(health.ok);
        for (const char* text : {"2026-01-02T15:00:00", "partial", ": rm /data/quarantine/0000"}) {
            CHECK_MESSAGE(health.message.find(text) != std::string::npos, health.message);
        }
        // It is remembered, and forgotten when an operator deletes the note.
        f.open();
        CHECK(stats(kNoon, kNoon + kDay).blocks_corrupt == 1);
        REQUIRE(f.store->maintain().has_value());
        CHECK(stats(kNoon, kNoon + kDay).blocks_corrupt == 1);
        for (const std::string& name : f.fs.list("/data/quarantine").value()) {
            REQUIRE(f.fs.remove("/data/quarantine/" + name).has_value());
        }
        REQUIRE(f.store->maintain().has_value());
        CHECK(stats(kNoon, kNoon + kDay).blocks_corrupt == 0);
        CHECK(f.store->health().ok);
    }

    TEST_CASE("after a clock was stepped back, what a damaged log lost may be of any time") {
        using namespace std::chrono_literals;
        StoreInMemory f;
        f.clock.set_wall(kNoon + kDay * 10);
        f.open();
        const Frame lost{.lines = {"lost"}, .ts = kNoon + kDay * 10};
        REQUIRE(append(*f.store, lost)->accepted == 1);
        const Frame more{.begin = lost.end(), .lines = {"more"}, .ts = kNoon + kDay * 10};
        REQUIRE(append(*f.store, more)->accepted == 1);
        f.store.reset();
        damage_log(f);
        f.clock.set_wall(kNoon);
        f.open();
        for (const Nanos from : {Nanos(-kDay * 100), Nanos(kDay * 9), Nanos(kDay * 1000)}) {
            auto cursor = f.store->select({.range = {kNoon + from, kNoon + from + kDay * 2}});
            REQUIRE(cursor.has_value());
            CHECK((*cursor)->stats().logs_lost == 1);
            CHECK((*cursor)->stats().lost_arrivals.begin == UnixNanos::min());
            CHECK((*cursor)->stats().lost_arrivals.end == UnixNanos::max());
        }
    }

    TEST_CASE("whichever bit flips, nothing is missing that is not reported") {
        const uint64_t seed = 7;
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        for (const bool is_closed : {true, false}) {
            Rows truth;
            const Files files = directory(truth, is_closed);
            for (const auto& [path, bytes] : files) {
                const size_t tries = std::min<size_t>(bytes.size(), 60);
                for (size_t i = 0; i < tries; ++i) {
                    const size_t bit = random() % (bytes.size() * 8);
                    Files flipped = files;
                    flipped[path][bit / 8] ^= static_cast<char>(1 << bit % 8);
                    CAPTURE(path);
                    CAPTURE(bit);
                    CAPTURE(is_closed);
                    CHECK(ask(flipped, truth) != Answer::kSilent);
                }
            }
        }
    }
}

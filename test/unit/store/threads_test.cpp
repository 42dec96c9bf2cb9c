// SPDX-License-Identifier: Apache-2.0
// The store as it runs in production: real files, its own threads.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/eventually.hpp"
#include "test/support/store_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

struct RealStore {
    std::string dir;
    store::RocksStoreOptions options;
    std::unique_ptr<store::RocksStore> store;

    RealStore() {
        std::string pattern = std::filesystem::temp_directory_path() / "seyir-store-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        dir = pattern;
        options.data_dir = dir + "/data";
        options.hard_free_bytes = 0;
        options.soft_free_bytes = 0;
        options.memtable_bytes = 2 * kMiB;
    }

    ~RealStore() {
        store.reset();
        std::filesystem::remove_all(dir);
    }

    void open() {
        store.reset();
        auto opened = store::RocksStore::open(options);
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        store = std::move(*opened);
    }
};

}  // namespace

TEST_SUITE("collector/store/threads") {
    TEST_CASE("after a clean stop and start sealing and cutting the log finish unasked in 2 minutes"
    ) {
        RealStore f;
        f.options.seal_bytes = UINT64_MAX;  // the first run is stopped before it could seal
        f.options.memtable_bytes = 64 * kMiB;
        f.open();
        uint64_t at = 0;
        uint64_t rows = 0;
        const auto fill = [&](size_t frames) {
            while (frames-- > 0) {
                Frame frame{.begin = at};
                for (int line = 0; line < 2000; ++line) {
                    frame.lines.push_back(fmt::format("{:x}", ++rows * 0x9e3779b97f4a7c15ULL));
                }
                at = frame.end();
                const auto stored = append(*f.store, frame);
                REQUIRE(stored.has_value());
                REQUIRE(stored->accepted == frame.lines.size());
            }
        };
        fill(160);
        const auto log_bytes = [&] {
            uint64_t bytes = 0;
            for (const auto& file : std::filesystem::directory_iterator(f.dir + "/data/db")) {
                std::error_code gone;
                const auto size = file.file_size(gone);
                bytes += !gone && file.path().extension() == ".log" ? size : 0;
            }
            return bytes;
        };
        REQUIRE(log_bytes() > 4 * kMiB);
        f.options.seal_bytes = kMiB;
        f.open();
        const auto is_sealed_and_cut = [&] {
            return f.store->stats().stage_bytes < f.options.seal_bytes && log_bytes() < kMiB;
        };
        CHECK(eventually(is_sealed_and_cut, std::chrono::seconds(120)));
        // And without a start, when the last sealing is followed by silence.
        fill(80);
        CHECK(eventually(is_sealed_and_cut, std::chrono::seconds(120)));
        CHECK(f.store->stats().segments > 0);
        CHECK(f.store->stats().records == rows);
    }

    TEST_CASE("many senders, background sealing and queries at once lose and double nothing") {
        RealStore f;
        f.options.seal_bytes = 64 * kKiB;
        f.options.block_raw_bytes = 16 * kKiB;
        f.options.stage_budget_bytes = 256 * kKiB;
        f.open();
        constexpr uint64_t kSenders = 4;
        constexpr int kFrames = 120;
        std::atomic<uint64_t> stored = 0;
        std::atomic<uint64_t> failed = 0;
        std::atomic<bool> is_done = false;
        std::vector<std::thread> senders;
        for (uint64_t n = 0; n < kSenders; ++n) {
            senders.emplace_back([&, n] {
                uint64_t at = 0;
                for (int i = 0; i < kFrames; ++i) {
                    Frame frame{.from = agent(n), .key = source(n), .begin = at};
                    for (int line = 0; line < 30; ++line) {
                        frame.lines.push_back(fmt::format(
                            "{} {} {} {:x}",
                            n,
                            i,
                            line,
                            (at + static_cast<uint64_t>(line)) * 0x9e3779b97f4a7c15ULL
                        ));
                    }
                    frame.stream = stream_of(fmt::format("s{}", n));
                    at = frame.end();
                    const auto durable = append(*f.store, frame);
                    (durable ? stored : failed) += durable ? durable->accepted : 1;
                }
            });
        }
        std::thread reader([&] {
            while (!is_done) {
                const uint64_t before = stored;
                CHECK(read_all(*f.store).rows.size() >= before);
                (void)f.store->stats();
                (void)f.store->streams(TenantId::kDefault, {});
            }
        });
        for (std::thread& sender : senders) {
            sender.join();
        }
        is_done = true;
        reader.join();
        CHECK(failed == 0);
        CHECK(stored == kSenders * kFrames * 30);
        auto all = read_all(*f.store).bodies();
        CHECK(all.size() == stored);
        CHECK(std::ranges::adjacent_find(all) == all.end());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        CHECK(f.store->stats().segments > 0);
        f.open();
        CHECK(read_all(*f.store).rows.size() == stored);
    }

    TEST_CASE("a second process, here a second store, is told that the directory is in use") {
        RealStore f;
        f.open();
        const auto second = store::RocksStore::open(f.options);
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().code == ErrorCode::kRefused);
        CHECK(second.error().message.find(f.options.data_dir) != std::string::npos);
        CHECK(second.error().message.find("in use") != std::string::npos);
    }

    TEST_CASE("a data directory that cannot be made is refused with its name and what to do") {
        RealStore f;
        std::ofstream(f.dir + "/file") << "x";
        f.options.data_dir = f.dir + "/file/data";
        const auto refused = store::RocksStore::open(f.options);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message.find(f.options.data_dir) != std::string::npos);
        CHECK(refused.error().message.find("writable") != std::string::npos);
    }

    TEST_CASE("the store's id stays and its restore generation rises") {
        RealStore f;
        f.open();
        CHECK(append(*f.store, {.lines = {"x"}}).has_value());
        const StoreId id = f.store->stats().store_id;
        CHECK_FALSE(id.is_zero());
        CHECK(*f.store->raise_restore_generation() == 1);
        f.open();
        CHECK(f.store->stats().store_id == id);
        CHECK(f.store->stats().restore_generation == 1);
    }

    TEST_CASE("closing answers what is queued") {
        RealStore f;
        f.open();
        std::atomic<int> answered = 0;
        uint64_t at = 0;
        for (int i = 0; i < 200; ++i) {
            Frame frame{.begin = at, .lines = {fmt::format("{}", i)}};
            at = frame.end();
            f.store->append({0, {frame.received(), {}}}, [&](Result<store::Durable>) {
                ++answered;
            });
        }
        f.store.reset();
        CHECK(answered == 200);
    }

    TEST_CASE("a cursor may outlive its store") {
        RealStore f;
        f.open();
        CHECK(append(*f.store, {.lines = {"x"}}).has_value());
        auto cursor = f.store->select({});
        REQUIRE(cursor.has_value());
        f.store.reset();
        CHECK(read_back(**cursor).rows.size() == 1);
    }

    TEST_CASE("what a stop left staged is sealed and its log trimmed unasked after a start") {
        RealStore f;
        f.options.seal_bytes = 64 * kMiB;
        f.open();
        uint64_t at = 0;
        size_t rows = 0;
        for (int i = 0; i < 40; ++i) {
            Frame frame{.begin = at};
            for (int line = 0; line < 500; ++line) {
                const uint64_t id = (at + static_cast<uint64_t>(line)) * 0x9e3779b97f4a7c15ULL;
                frame.lines.push_back(fmt::format("request {:016x}{:016x} done", id, ~id * 3));
            }
            at = frame.end();
            const auto durable = append(*f.store, frame);
            REQUIRE(durable.has_value());
            rows += durable->accepted;
        }
        const auto log_bytes = [&] {
            uintmax_t bytes = 0;
            for (const auto& entry : std::filesystem::recursive_directory_iterator(f.dir)) {
                std::error_code gone;
                const auto size = entry.file_size(gone);
                bytes += entry.path().extension() == ".log" && !gone ? size : 0;
            }
            return bytes;
        };
        const uint64_t staged = f.store->stats().stage_bytes;
        REQUIRE(staged > 512 * kKiB);
        REQUIRE(log_bytes() > 512 * kKiB);
        f.options.seal_bytes = 128 * kKiB;
        f.open();
        CHECK(eventually(
            [&] { return f.store->stats().stage_bytes < 128 * kKiB && log_bytes() < 256 * kKiB; },
            std::chrono::minutes(2)
        ));
        CHECK(f.store->stats().segments > 0);
        CHECK(f.store->stats().records == rows);
        CHECK(read_all(*f.store).rows.size() == rows);
    }
}

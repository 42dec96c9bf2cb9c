// SPDX-License-Identifier: Apache-2.0
// Appends that wait for the stage budget go on as the sealer gets along, not when its job is done.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/eventually.hpp"
#include "test/support/forwarding_file_system.hpp"
#include "test/support/store_fixture.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

/// Stops the sealer before each batch it takes, until a test lets it go on. A class of retention is
/// what a seal asks about each batch.
class SealGate {
  public:
    bool pass() {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.wait(lock, [&] { return let_through_ >= arrived_; });
        return false;
    }

    void let_through(uint64_t batches) {
        const std::lock_guard lock(mutex_);
        let_through_ = batches;
        changed_.notify_all();
    }

    uint64_t arrived() {
        const std::lock_guard lock(mutex_);
        return arrived_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t arrived_ = 0;
    uint64_t let_through_ = 0;
};

struct World {
    explicit World(uint64_t slice_raw_bytes = 1, io::FileSystem* fs = nullptr) {
        options.data_dir = dir / "data";
        options.fs = fs;
        options.clock = &clock;
        options.hard_free_bytes = 0;
        options.soft_free_bytes = 0;
        options.memtable_bytes = 2 * kMiB;
        options.retention = store::RetentionPolicy(
            std::chrono::hours(24'000),
            {{[this](const StreamLabels&) { return gate.pass(); }, std::chrono::hours(24'000)}}
        );
        options.seal_slice_raw_bytes = slice_raw_bytes;  // 1: each batch is a slice
        options.block_raw_bytes = kKiB;
        // Four batches are too many.
        options.stage_budget_bytes = 7 * kLineBytes / 2;
        options.seal_bytes = options.stage_budget_bytes;
        store = store::RocksStore::open(options).value();
    }

    ~World() {
        gate.let_through(UINT64_MAX);
        store.reset();
    }

    /// Queues a batch of a line that does not compress.
    void send(
        size_t line_bytes = kLineBytes, UnixNanos ts = kNoon, TenantId tenant = TenantId::kDefault
    ) {
        std::string line;
        while (line.size() < line_bytes) {
            line += static_cast<char>('!' + random() % 90);
        }
        Frame frame{.begin = at, .lines = {line}, .ts = ts, .lane_start = true, .tenant = tenant};
        at = frame.end();
        sent.push_back(std::move(line));
        store->append({0, {frame.received(), {}}}, [this](Result<store::Durable> durable) {
            (durable && durable->accepted == 1 ? stored : failed) += 1;
        });
    }

    static constexpr uint64_t kLineBytes = 4 * kKiB;

    TempDir dir;
    io::ManualClock clock{kNoon};
    SealGate gate;
    store::RocksStoreOptions options;
    std::atomic<uint64_t> stored = 0;
    std::atomic<uint64_t> failed = 0;
    std::unique_ptr<store::RocksStore> store;
    std::mt19937_64 random{11};
    uint64_t at = 0;
    std::vector<std::string> sent;
};

/// Calls somebody, once, when the database begins a table file.
class WatchesTables final : public ForwardingFileSystem {
  public:
    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
        const bool is_table = path.find("/db/") != std::string::npos && path.ends_with(".sst");
        if (is_table && mode != io::OpenMode::kRead && is_armed.exchange(false)) {
            on_table();
        }
        return ForwardingFileSystem::open(path, mode);
    }

    std::atomic<bool> is_armed = false;
    std::function<void()> on_table;
};

/// Stands before the second segment that is begun.
class StopsAtSecondSegment final : public ForwardingFileSystem {
  public:
    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
        if (path.find("/segments/") != std::string::npos && mode != io::OpenMode::kRead) {
            std::unique_lock lock(mutex_);
            ++begun_;
            changed_.wait(lock, [&] { return begun_ < 2 || may_go_on_; });
        }
        return ForwardingFileSystem::open(path, mode);
    }

    void go_on() {
        const std::lock_guard lock(mutex_);
        may_go_on_ = true;
        changed_.notify_all();
    }

    int begun() {
        const std::lock_guard lock(mutex_);
        return begun_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int begun_ = 0;
    bool may_go_on_ = false;
};

}  // namespace

TEST_SUITE("collector/store/stage_wait") {
    TEST_CASE("an append that waits for room goes on after a slice of the job, not at its end") {
        World w;
        for (uint64_t n = 1; n <= 4; ++n) {
            if (n == 4) {
                REQUIRE(w.store->seal(store::SealScope::kDue).has_value());  // nothing to do yet
            }
            w.send();
            REQUIRE(eventually([&] { return w.stored == n; }));
        }
        // The stage is full; the sealer stands before the first batch.
        REQUIRE(eventually([&] { return w.gate.arrived() == 1; }));
        for (uint64_t slices = 1; slices <= 2; ++slices) {
            w.send();
            CHECK(w.stored == 3 + slices);
            w.gate.let_through(slices);
            CHECK(eventually([&] { return w.stored == 4 + slices; }));
            // The job is not done: it stands before the next batch.
            CHECK(eventually([&] { return w.gate.arrived() == slices + 1; }));
            CHECK(w.store->stats().segments == 0);
        }
        w.gate.let_through(UINT64_MAX);
        REQUIRE(w.store->seal(store::SealScope::kAll).has_value());
        CHECK(w.failed == 0);
        CHECK(w.store->stats().segments > 0);
        std::ranges::sort(w.sent);
        CHECK(read_all(*w.store).bodies() == w.sent);
    }

    TEST_CASE("an append that waits for room goes on after a block, not at the end of a slice") {
        StopsAtSecondSegment fs;
        World w(32 * kMiB, &fs);
        const std::unique_ptr<StopsAtSecondSegment, void (*)(StopsAtSecondSegment*)> goes_on(
            &fs, [](StopsAtSecondSegment* stopped) { stopped->go_on(); }  // before the world ends
        );
        w.gate.let_through(UINT64_MAX);
        for (uint64_t n = 1; n <= 4; ++n) {
            w.send(World::kLineBytes, kNoon, n % 2 == 0 ? TenantId{7} : TenantId::kDefault);
            REQUIRE(eventually([&] { return w.stored == n; }));
        }
        // The stage is full; one tenant's lines are in blocks, the other's are not.
        CHECK(eventually([&] { return fs.begun() == 2; }));
        w.send();
        CHECK(eventually([&] { return w.stored == 5; }));
        CHECK(w.store->stats().segments == 0);
        fs.go_on();
        CHECK(eventually([&] { return w.store->stats().segments == 2; }));
        CHECK(w.failed == 0);
    }

    TEST_CASE("a seal of past days that leaves the stage full leaves appends waiting") {
        World w;
        w.send(10, kNoon - std::chrono::hours(24));
        REQUIRE(eventually([&] { return w.stored == 1; }));
        std::thread past([&] { (void)w.store->seal(store::SealScope::kPastDays); });
        REQUIRE(eventually([&] { return w.gate.arrived() == 1; }));
        for (uint64_t n = 2; n <= 5; ++n) {
            w.send();
            REQUIRE(eventually([&] { return w.stored == n; }));
        }
        w.send();  // the stage is full, and whoever would seal waits for the other job
        w.gate.let_through(1);
        past.join();
        CHECK(eventually([&] { return w.gate.arrived() == 2; }));
        CHECK(w.store->stats().segments == 1);
        w.gate.let_through(UINT64_MAX);
        CHECK(eventually([&] { return w.stored == 6; }));
        CHECK(w.failed == 0);
    }

    TEST_CASE("while a backup's image joins staged files, appends are answered") {
        const TempDir dir;
        WatchesTables fs;
        std::atomic<int> answered = 0;
        std::atomic<int> answered_in_time = -1;
        store::RocksStoreOptions options;
        options.data_dir = dir / "data";
        options.fs = &fs;
        options.hard_free_bytes = 0;
        options.soft_free_bytes = 0;
        const auto store = store::RocksStore::open(options).value();
        uint64_t at = 0;
        const auto frame = [&] {
            Frame out{.begin = at, .lines = {fmt::format("line at {}", at)}};
            at = out.end();
            return out;
        };
        constexpr int kFiles = 40;  // more than are left as they are
        for (int i = 0; i < kFiles; ++i) {
            REQUIRE(append(*store, frame()).has_value());
            REQUIRE(store->flush().has_value());
        }
        // Nothing is left to flush: the first table that is begun is the one they are joined to.
        const RecordBatchPtr batch = frame().received();
        fs.on_table = [&] {
            store->append({0, {batch, {}}}, [&](Result<store::Durable> durable) {
                answered = durable ? 1 : 2;
            });
            (void)eventually([&] { return answered != 0; }, std::chrono::seconds(10));
            answered_in_time = answered.load();
        };
        fs.is_armed = true;
        const auto image = store->hold_image();
        REQUIRE_MESSAGE(image.has_value(), image.error().message);
        CHECK_FALSE(fs.is_armed);  // they were joined
        CHECK(answered_in_time == 1);
        CHECK(eventually([&] { return answered == 1; }));
        CHECK(read_all(*store).rows.size() == kFiles + 1);
    }
}

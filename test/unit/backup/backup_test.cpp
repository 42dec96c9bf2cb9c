// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup.hpp"

#include <filesystem>
#include <utility>

#include <doctest/doctest.h>

#include "collector/backup/backup_service.hpp"
#include "collector/backup/restore.hpp"
#include "test/support/eventually.hpp"
#include "test/support/forwarding_file_system.hpp"
#include "test/support/metric_batch.hpp"
#include "test/support/store_fixture.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::collector;
using namespace seyir::collector::backup;
using seyir::test::append;
using seyir::test::Frame;
using seyir::test::kNoon;
using seyir::test::read_all;

namespace {

struct World {
    test::TempDir dir;
    io::ManualClock clock{kNoon};
    std::unique_ptr<store::RocksStore> store;
    uint64_t next_byte = 0;
    bool is_stopped = false;
    Backup backup;

    World()
        : store(open(dir / "data")),
          backup(
              *store,
              io::posix_file_system(),
              clock,
              {.data_dir = dir / "data", .folder = dir / "backups", .extras = {"tokens"}, .keep = 3
              },
              [this] { return is_stopped; }
          ) {}

    std::unique_ptr<store::RocksStore> open(const std::string& data_dir) {
        store::RocksStoreOptions options;
        options.data_dir = data_dir;
        options.clock = &clock;
        options.threads = false;
        options.hard_free_bytes = 0;
        auto opened = store::RocksStore::open(options);
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        return std::move(*opened);
    }

    void add_lines(std::vector<std::string> lines, store::RocksStore* to = nullptr) {
        Frame frame{.begin = next_byte, .lines = std::move(lines), .ts = clock.wall_now()};
        next_byte = frame.end();
        REQUIRE(append(to != nullptr ? *to : *store, frame).has_value());
    }

    BackupReport run(BackupRequest request = {}) {
        clock.advance(std::chrono::seconds(1));
        return backup.run(request);
    }

    /// The newest segment's file.
    std::string segment() const {
        std::string found;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(dir / "data/segments")) {
            found = entry.path().extension() == ".sst" ? entry.path().string() : found;
        }
        REQUIRE_FALSE(found.empty());
        return found;
    }

    static void flip(const std::string& path, size_t place) {
        auto bytes = io::read_file(io::posix_file_system(), path, kMiB).value();
        bytes.at(place) ^= 0x10;
        REQUIRE(io::write_file_atomically(io::posix_file_system(), path, bytes).has_value());
    }

    Result<RestoreReport> put_back(
        const std::string& name, std::optional<UnixNanos> at = std::nullopt
    ) {
        return restore(
            io::posix_file_system(),
            {.folder = dir / "backups", .data_dir = dir / name, .at = at, .on_progress = {}}
        );
    }
};

/// Another part of the program replaces a file by a longer one when a backup is about to read it.
class GrowsWhenRead final : public test::ForwardingFileSystem {
  public:
    GrowsWhenRead(std::string path, std::string content)
        : path_(std::move(path)), content_(std::move(content)) {}

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
        if (path == path_ && mode == io::OpenMode::kRead && !content_.empty()) {
            SEYIR_CHECK(io::write_file_atomically(below_, path, std::exchange(content_, {})));
        }
        return ForwardingFileSystem::open(path, mode);
    }

  private:
    const std::string path_;
    std::string content_;
};

}  // namespace

TEST_SUITE("collector/backup") {
    TEST_CASE("the tokens of agents are copied whole although one is added meanwhile") {
        World world;
        world.add_lines({"one"});
        const std::string path = world.dir / "data/agent_tokens.json";
        const std::string later = R"({"agents":[{"name":"a"},{"name":"b"}]})";
        REQUIRE(io::write_file_atomically(io::posix_file_system(), path, R"({"agents":[]})"));
        GrowsWhenRead fs(path, later);
        Backup backup(
            *world.store,
            fs,
            world.clock,
            {.data_dir = world.dir / "data",
             .folder = world.dir / "backups",
             .extras = {"agent_tokens.json"},
             .keep = 3},
            [] { return false; }
        );
        const BackupReport made = backup.run({});
        REQUIRE_MESSAGE(made.ok(), made.error);
        const auto restored = world.put_back("other");
        REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
        const auto back =
            io::read_file(io::posix_file_system(), world.dir / "other/agent_tokens.json", kMiB);
        REQUIRE(back.has_value());
        CHECK(*back == later);
    }

    TEST_CASE("what is restored answers as the store did, staged and sealed") {
        World world;
        world.add_lines({"one", "two"});
        REQUIRE(world.store->seal(store::SealScope::kAll));
        world.add_lines({"three"});
        const auto before = read_all(*world.store);
        const BackupReport made = world.run();
        REQUIRE_MESSAGE(made.ok(), made.error);
        CHECK(made.records == 3);
        world.add_lines({"after the backup"});
        const auto restored = world.put_back("other");
        REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
        CHECK(restored->restore_generation == 1);
        const auto other = world.open(world.dir / "other");
        CHECK(read_all(*other).rows == before.rows);
        CHECK(other->stats().restore_generation == 1);
        CHECK(other->stats().store_id == world.store->stats().store_id);
    }

    TEST_CASE("a second backup copies what is new, and one of another content under a known name") {
        World world;
        world.add_lines({"one"});
        REQUIRE(world.store->seal(store::SealScope::kAll));
        REQUIRE(
            io::write_file_atomically(io::posix_file_system(), world.dir / "data/tokens", "first")
        );
        const BackupReport first = world.run();
        REQUIRE_MESSAGE(first.ok(), first.error);
        const BackupReport second = world.run();
        REQUIRE_MESSAGE(second.ok(), second.error);
        CHECK(second.copied_bytes < first.copied_bytes);
        REQUIRE(
            io::write_file_atomically(io::posix_file_system(), world.dir / "data/tokens", "later")
        );
        const BackupReport third = world.run();
        REQUIRE_MESSAGE(third.ok(), third.error);
        const auto restored = world.put_back("other");
        REQUIRE(restored.has_value());
        CHECK(
            io::read_file(io::posix_file_system(), world.dir / "other/tokens", 100).value() ==
            "later"
        );
        const auto older = world.put_back("older", second.at);
        REQUIRE(older.has_value());
        CHECK(older->manifest.id == second.id);
        CHECK(
            io::read_file(io::posix_file_system(), world.dir / "older/tokens", 100).value() ==
            "first"
        );
    }

    TEST_CASE("a restored store that went another way than the lost one is backed up rightly") {
        World world;
        world.add_lines({"common"});
        REQUIRE(world.run().ok());
        const uint64_t fork = world.next_byte;
        world.add_lines({"only in the lost store"});
        REQUIRE(world.store->seal(store::SealScope::kAll));
        REQUIRE(world.run().ok());
        const auto first = world.backup.backups().value().front();
        REQUIRE(world.put_back("other", first.begun).has_value());
        const auto other = world.open(world.dir / "other");
        world.next_byte = fork;
        world.add_lines({"only in the restored one"}, other.get());
        REQUIRE(other->seal(store::SealScope::kAll));
        // The same segment id, and the same names in the database, with other bytes.
        Backup again(
            *other,
            io::posix_file_system(),
            world.clock,
            {.data_dir = world.dir / "other",
             .folder = world.dir / "backups",
             .extras = {},
             .keep = 9},
            [] { return false; }
        );
        world.clock.advance(std::chrono::seconds(5));
        const BackupReport made = again.run({});
        REQUIRE_MESSAGE(made.ok(), made.error);
        const auto third = world.put_back("third");
        REQUIRE_MESSAGE(third.has_value(), third.error().message);
        CHECK(third->restore_generation == 2);
        CHECK(
            read_all(*world.open(world.dir / "third")).bodies() ==
            std::vector<std::string>{"common", "only in the restored one"}
        );
    }

    TEST_CASE("a backup that is stopped is none, and the next one goes on") {
        World world;
        world.add_lines({"one"});
        REQUIRE(world.run().ok());
        world.add_lines({"two"});
        world.is_stopped = true;
        const BackupReport stopped = world.run();
        CHECK(!stopped.ok());
        CHECK(stopped.id.empty());
        CHECK(world.backup.backups().value().size() == 1);
        CHECK(!io::posix_file_system().stat(world.dir / "data/backup-image").has_value());
        world.is_stopped = false;
        REQUIRE(world.run().ok());
        CHECK(world.backup.backups().value().size() == 2);
    }

    TEST_CASE("a restore that was interrupted keeps collectors away and is gone on with") {
        World world;
        world.add_lines({"one"});
        REQUIRE(world.run().ok());
        size_t pieces = 0;
        const RestoreRequest request{
            .folder = world.dir / "backups",
            .data_dir = world.dir / "other",
            .at = {},
            .on_progress = [&](uint64_t, uint64_t) { return ++pieces < 3; }
        };
        CHECK(!restore(io::posix_file_system(), request).has_value());
        store::RocksStoreOptions options;
        options.data_dir = world.dir / "other";
        options.threads = false;
        const auto refused = store::RocksStore::open(options);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().message.find("seyir restore") != std::string::npos);
        REQUIRE(world.put_back("other").has_value());
        CHECK(
            read_all(*world.open(world.dir / "other")).bodies() == std::vector<std::string>{"one"}
        );
        // Done is done: what is in use is not written over.
        const auto again = world.put_back("other");
        REQUIRE(!again.has_value());
        CHECK(again.error().code == ErrorCode::kConflict);
        CHECK(again.error().message.find("mv ") != std::string::npos);
    }

    TEST_CASE("a damaged file of the store is told by each backup until it is mended") {
        World world;
        world.add_lines({"one", "two"});
        REQUIRE(world.store->seal(store::SealScope::kAll).has_value());
        const std::string segment = world.segment();
        world.flip(segment, 60);
        const BackupReport first = world.run();
        REQUIRE(first.ok());
        REQUIRE(first.damaged.size() == 1);
        CHECK(first.damaged[0].starts_with("segments/"));
        const BackupReport second = world.run();
        CHECK(second.damaged == first.damaged);
        CHECK(second.copied_bytes < first.copied_bytes);
        CHECK(world.backup.backups().value().back().damaged_files == 1);
        CHECK(second.text().contains("DAMAGED in the store"));
        world.flip(segment, 60);
        CHECK(world.run().damaged.size() <= 1);  // by its time and length it may be another file
        CHECK(world.run({.recheck = true}).damaged.empty());
        CHECK(world.run().damaged.empty());
    }

    TEST_CASE("rot of a segment after its copy is found when its turn comes, and the copy is kept"
    ) {
        World world;
        world.add_lines({"one", "two"});
        REQUIRE(world.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(world.run().damaged.empty());
        const std::string segment = world.segment();
        const auto before = std::filesystem::last_write_time(segment);
        world.flip(segment, 60);
        std::filesystem::last_write_time(segment, before);  // as rot does
        const BackupReport found = world.run();
        REQUIRE(found.damaged.size() == 1);
        CHECK(found.mended.empty());
        CHECK(world.run().damaged == found.damaged);
        REQUIRE(world.put_back("other").has_value());
        CHECK(
            read_all(*world.open(world.dir / "other")).bodies() ==
            std::vector<std::string>{"one", "two"}
        );
    }

    TEST_CASE("rot of a copy is found when its turn comes, and the copy made again") {
        World world;
        world.add_lines({"one", "two"});
        REQUIRE(world.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(world.run().ok());
        const auto same = io::read_file(io::posix_file_system(), world.segment(), kMiB).value();
        std::string copy;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(world.dir / "backups/files")) {
            const bool is_file = entry.is_regular_file();
            if (is_file &&
                io::read_file(io::posix_file_system(), entry.path(), kMiB).value() == same) {
                copy = entry.path();
            }
        }
        REQUIRE_FALSE(copy.empty());
        world.flip(copy, 60);
        const BackupReport mended = world.run();
        REQUIRE(mended.ok());
        CHECK(mended.rechecked_bytes >= same.size());
        REQUIRE(mended.mended.size() == 1);
        CHECK(mended.damaged.empty());
        CHECK(io::read_file(io::posix_file_system(), copy, kMiB).value() == same);
        CHECK(world.run().mended.empty());
    }

    TEST_CASE("samples of host metrics come back with the records") {
        World world;
        test::MetricFrame frame{.ts = kNoon, .gauges = {{"node_load1", 0.25}, {"node_load5", 4.0}}};
        REQUIRE(append(*world.store, {frame.build(), {}}).has_value());
        const auto count = [](store::RocksStore& from) {
            const auto view = from.metrics(TenantId::kDefault);
            REQUIRE(view.has_value());
            std::vector<std::pair<UnixNanos, std::string>> rows;
            const auto read = view->each_row({}, [&](const store::MetricRow& row) {
                rows.emplace_back(row.ts, row.values);
                return Result<bool>(true);
            });
            REQUIRE(read.has_value());
            return rows;
        };
        const auto before = count(*world.store);
        REQUIRE(before.size() == 1);
        REQUIRE(world.run().ok());
        REQUIRE(world.put_back("other").has_value());
        CHECK(count(*world.open(world.dir / "other")) == before);
    }

    TEST_CASE("a missed backup is made up for, a failed one is tried again with growing pauses") {
        World world;
        world.add_lines({"one"});
        REQUIRE(world.run().ok());
        world.clock.advance(std::chrono::hours(25));
        std::mutex mutex;
        std::vector<std::pair<BackupReport, bool>> told;
        schedule::RunSchedule run_schedule{
            .cron = schedule::CronSchedule::parse("0 3 * * *").value(),
            .zone = TimeZone(),
            .attempts = 3,
        };
        BackupService service(
            world.backup,
            std::move(run_schedule),
            world.clock,
            [&](const BackupReport& report, bool is_last) {
                const std::lock_guard lock(mutex);
                told.emplace_back(report, is_last);
            }
        );
        const auto count = [&] {
            const std::lock_guard lock(mutex);
            return told.size();
        };
        // In the way of the folder of partial files.
        auto& fs = io::posix_file_system();
        REQUIRE(fs.rename(world.dir / "backups/partial", world.dir / "away"));
        REQUIRE(io::write_file_atomically(fs, world.dir / "backups/partial", "x"));
        service.start();
        REQUIRE(test::eventually([&] { return count() == 1; }));
        CHECK(!told[0].first.ok());
        CHECK(told[0].first.request.trigger == "schedule");
        CHECK(!told[0].second);
        world.clock.advance(std::chrono::minutes(1));
        REQUIRE(test::eventually([&] { return count() == 2; }));
        CHECK(told[1].first.request.trigger == "retry");
        CHECK(service.state().failed_attempts == 2);
        REQUIRE(fs.remove(world.dir / "backups/partial"));
        world.clock.advance(std::chrono::minutes(2));
        REQUIRE(test::eventually([&] { return count() == 3; }));
        CHECK_MESSAGE(told[2].first.ok(), told[2].first.error);
        // When asked, beside the schedule.
        REQUIRE(test::eventually([&] { return !service.state().is_running; }));
        const auto run = service.request({.trigger = "operator"});
        REQUIRE(run.has_value());
        REQUIRE(test::eventually([&] { return service.state().runs >= *run; }));
        CHECK(service.state().last->ok());
        service.stop();
    }
}

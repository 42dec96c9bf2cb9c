// SPDX-License-Identifier: Apache-2.0
// check_data_dir and repair_data_dir on stores damaged in every way a disk does it.
#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/check/store_check.hpp"
#include "collector/store/check/store_repair.hpp"
#include "test/support/forwarding_file_system.hpp"
#include "test/support/store_fixture.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using seyir::test::append;
using seyir::test::Frame;
using seyir::test::kNoon;
using seyir::test::read_all;

namespace {

constexpr uint64_t kFooterBytes = 53;  // of a RocksDB table

/// Three segments of 300 records with a block each, and 20 records that are staged.
struct Stored {
    test::TempDir dir;
    io::FileSystem& fs = io::posix_file_system();
    io::ManualClock clock{kNoon};
    std::vector<std::string> all;

    Stored() {
        const auto store = open();
        uint64_t at = 0;
        for (int part = 0; part < 4; ++part) {
            Frame frame{.begin = at};
            const int rows = part < 3 ? 300 : 20;
            for (int i = 0; i < rows; ++i) {
                frame.lines.push_back(fmt::format("part {} line {} {}", part, i, i * 7919 % 1000));
                all.push_back(frame.lines.back());
            }
            at = frame.end();
            REQUIRE(append(*store, frame).has_value());
            if (part < 3) {
                REQUIRE(store->seal(store::SealScope::kAll));
            }
        }
        std::ranges::sort(all);
    }

    Result<std::unique_ptr<store::RocksStore>> try_open() {
        store::RocksStoreOptions options;
        options.data_dir = dir.path();
        options.clock = &clock;
        options.threads = false;
        options.hard_free_bytes = 0;
        return store::RocksStore::open(options);
    }

    std::unique_ptr<store::RocksStore> open() {
        auto opened = try_open();
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        return std::move(*opened);
    }

    std::vector<std::string> files(const std::string& ending) {
        std::vector<std::string> out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
            if (entry.path().string().ends_with(ending)) {
                out.push_back(entry.path().string());
            }
        }
        std::ranges::sort(out);
        return out;
    }

    std::vector<std::string> segments() {
        auto out = files(".sst");
        std::erase_if(out, [](const std::string& path) {
            return path.find("/segments/") == std::string::npos;
        });
        return out;
    }

    void flip(const std::string& path, uint64_t offset) {
        auto bytes = io::read_file(fs, path, 1 << 30).value();
        bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 4);
        const auto file = fs.open(path, io::OpenMode::kWriteTruncate).value();
        REQUIRE(file->append(bytes));
    }

    store::StoreCheck check() {
        auto checked = store::check_data_dir(fs, dir.path());
        REQUIRE_MESSAGE(checked.has_value(), checked.error().message);
        return *checked;
    }

    store::RepairReport repair(const store::FindReplacement& find = {}) {
        auto repaired = store::repair_data_dir(fs, dir.path(), kNoon, find);
        REQUIRE_MESSAGE(repaired.has_value(), repaired.error().message);
        return *repaired;
    }
};

/// Moving files aside fails from the n-th on.
class FailingQuarantine final : public test::ForwardingFileSystem {
  public:
    explicit FailingQuarantine(int from) : left_(from) {}

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (to.find("/quarantine/") != std::string::npos && --left_ <= 0) {
            ++failed;
            return fail(ErrorCode::kIo, "the disk says no");
        }
        return ForwardingFileSystem::rename(from, to);
    }

    int failed = 0;

  private:
    int left_;
};

/// The database is whole but for what says which of its files count.
void lose_manifest(Stored& stored) {
    REQUIRE(stored.open()->flush());
    std::filesystem::remove(stored.dir / "db/CURRENT");
    for (const auto& entry : std::filesystem::directory_iterator(stored.dir / "db")) {
        if (entry.path().filename().string().starts_with("MANIFEST")) {
            std::filesystem::remove(entry.path());
        }
    }
}

}  // namespace

TEST_SUITE("collector/store/check") {
    TEST_CASE("a sound store has as many records as it promises, and a check changes nothing") {
        Stored stored;
        const auto before = stored.files("");
        const store::StoreCheck check = stored.check();
        CHECK(check.is_sound());
        CHECK(check.segments == 3);
        CHECK(check.sealed_rows == 900);
        CHECK(check.staged_rows == 20);
        CHECK(check.promised_rows == 920);
        CHECK(check.orphans.empty());
        CHECK(stored.files("") == before);
        CHECK(stored.repair().done.empty());
        CHECK(read_all(*stored.open()).bodies() == stored.all);
    }

    TEST_CASE("any flipped bit of a segment is named, and repaired without touching the others") {
        Stored stored;
        const std::string victim = stored.segments()[1];
        const uint64_t bytes = stored.fs.stat(victim).value().size_bytes;
        const std::string whole = io::read_file(stored.fs, victim, 1 << 30).value();
        uint64_t lost = 0;
        for (uint64_t at = 0; at < bytes; at += std::max<uint64_t>(1, bytes / 61)) {
            stored.flip(victim, at);
            const store::StoreCheck check = stored.check();
            // But for the end of the file, which has room that nobody reads.
            CHECK_MESSAGE((!check.is_sound() || bytes - at <= kFooterBytes), at);
            CHECK((!check.is_sound() || check.sealed_rows == 900));
            for (const store::Damage& damage : check.damages) {
                CHECK(victim.ends_with(damage.file));
                CHECK(damage.rows == 300);
                CHECK(damage.range.begin == kNoon);
                ++lost;
            }
            const auto file = stored.fs.open(victim, io::OpenMode::kWriteTruncate).value();
            REQUIRE(file->append(whole));
            REQUIRE(file->close());
        }
        CHECK(lost > 0);
        CHECK(stored.check().is_sound());
    }

    TEST_CASE("a damaged block is taken out, the rest answers and the sums fit") {
        Stored stored;
        const std::string victim = stored.segments()[1];
        const uint64_t bytes = stored.fs.stat(victim).value().size_bytes;
        uint64_t at = 40;
        while (true) {
            stored.flip(victim, at);
            const auto damages = stored.check().damages;
            if (!damages.empty() && damages[0].block) {
                break;
            }
            stored.flip(victim, at);
            at += 40;
            REQUIRE(at < bytes);
        }
        const store::RepairReport report = stored.repair();
        CHECK(report.rows_lost == 300);
        CHECK(report.after.is_sound());
        const auto store = stored.open();
        const auto rows = read_all(*store);
        CHECK(rows.rows.size() == 620);
        CHECK(rows.stats.blocks_corrupt == 0);
        CHECK(store->stats().records == 620);
        CHECK(store->stats().restore_generation == 0);
    }

    TEST_CASE("a file that is gone, cut off or no file of ours goes out of the catalogue") {
        Stored stored;
        const auto segments = stored.segments();
        REQUIRE(stored.fs.remove(segments[0]));
        REQUIRE(stored.fs.open(segments[2], io::OpenMode::kWriteTruncate).value()->append("no"));
        CHECK(stored.check().damages.size() == 2);
        const store::RepairReport report = stored.repair();
        CHECK(report.rows_lost == 600);
        CHECK(report.after.is_sound());
        CHECK(read_all(*stored.open()).rows.size() == 320);
        // What was taken out is still there to be looked at.
        CHECK(stored.files("").size() > 0);
        CHECK(std::filesystem::exists(stored.dir / "quarantine"));
    }

    TEST_CASE("a damaged file is replaced by a whole one where there is one") {
        Stored stored;
        const std::string victim = stored.segments()[0];
        const std::string copy = stored.dir / "copy";
        std::filesystem::copy_file(victim, copy);
        stored.flip(victim, 100);
        const store::RepairReport report =
            stored.repair([&](const StoreId&, const std::string& file) {
                return victim.ends_with(file) ? copy : std::string();
            });
        CHECK(report.replaced.size() == 1);
        CHECK(report.rows_lost == 0);
        CHECK(report.after.is_sound());
        CHECK(read_all(*stored.open()).bodies() == stored.all);
    }

    TEST_CASE("a database that is gone is not begun anew over its segments") {
        Stored stored;
        std::filesystem::remove_all(stored.dir / "db");
        const auto before = stored.segments();
        const auto refused = stored.try_open();
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == ErrorCode::kCorrupt);
        CHECK(
            refused.error().message.find("seyir doctor " + stored.dir.path() + " --repair") !=
            std::string::npos
        );
        CHECK(stored.segments() == before);
    }

    TEST_CASE("a database without its manifest is refused with the command, and rebuilt by it") {
        Stored stored;
        REQUIRE(stored.open()->flush());
        std::filesystem::remove(stored.dir / "db/CURRENT");
        for (const auto& entry : std::filesystem::directory_iterator(stored.dir / "db")) {
            if (entry.path().filename().string().starts_with("MANIFEST")) {
                std::filesystem::remove(entry.path());
            }
        }
        const auto refused = stored.try_open();
        REQUIRE(!refused.has_value());
        CHECK(refused.error().message.find("seyir doctor") != std::string::npos);
        const store::RepairReport report = stored.repair();
        CHECK(report.is_database_mended);
        CHECK(report.after.is_sound());
        CHECK(std::filesystem::exists(report.database_aside));
        const auto store = stored.open();
        CHECK(read_all(*store).bodies() == stored.all);
        // Agents are told to look which of their lines are stored.
        CHECK(store->stats().restore_generation == 1);
    }

    TEST_CASE("with any one table file of the database damaged nothing is doubled or lied about") {
        Stored stored;
        REQUIRE(stored.open()->flush());
        size_t tried = 0;
        const std::string kept = stored.dir.path() + ".kept";
        std::filesystem::copy(stored.dir.path(), kept, std::filesystem::copy_options::recursive);
        for (const std::string& path : stored.files(".sst")) {
            if (path.find("/db/") == std::string::npos) {
                continue;
            }
            ++tried;
            stored.flip(path, 20);
            const auto repaired = store::repair_data_dir(stored.fs, stored.dir.path(), kNoon);
            if (repaired) {
                CHECK(repaired->after.is_sound());
                const auto rows = read_all(*stored.open()).bodies();
                CHECK(std::ranges::includes(stored.all, rows));
            } else {
                CHECK(repaired.error().message.find("restore a backup") != std::string::npos);
                // It is as it was, and no start begins anew over it.
                CHECK(io::read_file(stored.fs, path, 1 << 30).has_value());
            }
            std::filesystem::remove_all(stored.dir.path());
            std::filesystem::copy(
                kept, stored.dir.path(), std::filesystem::copy_options::recursive
            );
        }
        std::filesystem::remove_all(kept);
        CHECK(tried >= 3);
    }

    TEST_CASE("a repair that fails late leaves files and database as they were, and runs again") {
        Stored stored;
        lose_manifest(stored);
        // Files the catalogue never had: both are to be put aside.
        const std::string day = std::filesystem::path(stored.segments()[0]).parent_path();
        for (const char* name : {"/0000000000000901.sst", "/0000000000000902.sst"}) {
            std::filesystem::copy_file(stored.segments()[0], day + name);
        }
        const auto segments = stored.segments();
        const auto database = stored.files("");
        FailingQuarantine fs(2);
        const auto failed = store::repair_data_dir(fs, stored.dir.path(), kNoon);
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().message.find("the disk says no") != std::string::npos);
        CHECK(fs.failed == 1);
        CHECK(stored.segments() == segments);
        for (const std::string& file : database) {
            CHECK_MESSAGE(std::filesystem::exists(file), file);
        }
        const UnixNanos later{kNoon.value + 1};
        const auto again = store::repair_data_dir(stored.fs, stored.dir.path(), later);
        REQUIRE_MESSAGE(again.has_value(), again.error().message);
        CHECK(again->is_database_mended);
        CHECK(again->after.is_sound());
        CHECK(read_all(*stored.open()).bodies() == stored.all);
    }

    TEST_CASE("what a repair took out stays out when it fails behind that") {
        Stored stored;
        const auto segments = stored.segments();
        for (const size_t victim : {size_t{0}, size_t{2}}) {
            const auto file = stored.fs.open(segments[victim], io::OpenMode::kWriteTruncate);
            REQUIRE(file.value()->append("no"));
        }
        FailingQuarantine fs(2);
        REQUIRE_FALSE(store::repair_data_dir(fs, stored.dir.path(), kNoon).has_value());
        CHECK_FALSE(std::filesystem::exists(segments[0]));  // nobody names it any more
        CHECK(std::filesystem::exists(segments[2]));
        const store::RepairReport report = stored.repair();
        CHECK(report.rows_lost == 300);
        CHECK(report.after.is_sound());
        CHECK(read_all(*stored.open()).rows.size() == 320);
    }

    TEST_CASE("files of segments that were dropped are not taken in again") {
        Stored stored;
        const std::string kept = stored.dir / "kept.sst";
        const std::string dropped_file = [&] {
            const auto store = stored.open();
            const auto before = stored.segments();
            std::filesystem::copy_file(before[0], kept);
            uint64_t bytes = 0;
            for (const std::string& file : before) {
                bytes += std::filesystem::file_size(file);
            }
            // The size is past its limit by one segment; no floor says that it is gone.
            const auto due = store->due({.now = kNoon, .file_bytes_max = bytes - 1}, true);
            REQUIRE(due.has_value());
            REQUIRE(store->drop(due->dropped, UnixNanos::min(), true).has_value());
            const auto after = stored.segments();
            REQUIRE(after.size() == 2);
            REQUIRE(after[0] != before[0]);
            return before[0];
        }();
        const auto rows = read_all(*stored.open()).bodies();
        CHECK(rows.size() == 620);
        lose_manifest(stored);
        // As if the power had been cut before the file went.
        std::filesystem::copy_file(kept, dropped_file);
        const store::RepairReport report = stored.repair();
        CHECK(report.is_database_mended);
        CHECK(report.after.is_sound());
        const bool is_named = std::ranges::any_of(report.done, [](const std::string& line) {
            return line.find("it was dropped for its age or size") != std::string::npos;
        });
        CHECK(is_named);
        CHECK(read_all(*stored.open()).bodies() == rows);
    }
}

// SPDX-License-Identifier: Apache-2.0
// R9: what is past retention is archived, dropped and written down; nothing else is.
#include "collector/retention/clean_up.hpp"

#include <fmt/format.h>

#include "collector/retention/clean_up_service.hpp"
#include "common/codec/inflate.hpp"
#include "test/support/drop_days.hpp"
#include "test/support/eventually.hpp"
#include "test/support/store_in_memory.hpp"

namespace {

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;
using namespace collector::retention;

constexpr Nanos kDay = 24h;
constexpr int kDays = 6;

/// A store with a line of each of the last days, and a clean-up that keeps two of them.
struct World {
    World() {
        uint64_t at = 0;
        for (int age = kDays - 1; age >= 0; --age) {
            Frame frame{
                .begin = at, .lines = {fmt::format("age {}", age)}, .ts = kNoon - kDay * age
            };
            at = frame.end();
            REQUIRE(append(*f.store, frame).has_value());
        }
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        options.retention = kDay * 2;
        options.archive_directory = "/archive";
        options.audit_path = "/data/audit/retention.jsonl";
        // What a real clean-up finds: two days are due, not more than a run may drop.
        REQUIRE(drop_days_before(*f.store, store::day_of(kNoon - kDay * 4), true).has_value());
        REQUIRE(bodies() == std::vector<std::string>{"age 0", "age 1", "age 2", "age 3", "age 4"});
    }

    CleanUp clean_up() {
        return CleanUp(*f.store, f.fs, f.clock, options, [this] { return stop; });
    }

    std::vector<std::string> bodies() { return read_all(*f.store).bodies(); }

    std::string unpacked(const std::string& path) {
        const auto bytes = io::read_file(f.fs, path, kMiB);
        REQUIRE(bytes.has_value());
        const auto text = codec::gzip_inflate(*bytes, {});
        REQUIRE(text.has_value());
        return *text;
    }

    std::string audit() { return io::read_file(f.fs, options.audit_path, kMiB).value_or(""); }

    bool has_archives() {
        const auto names = f.fs.list("/archive");
        return names && !names->empty();
    }

    StoreInMemory f;
    CleanUpOptions options;
    bool stop = false;
};

}  // namespace

TEST_SUITE("collector/retention") {
    TEST_CASE("R9.1 R9.3 R9.4 days past retention are archived, then dropped, and it is on record"
    ) {
        World w;
        const CleanUpReport report = w.clean_up().run({});
        CHECK(report.error == "");
        REQUIRE(report.dropped.size() == 2);
        CHECK(report.dropped[0].day.folder() == "20251228");
        CHECK(report.rows() == 2);
        CHECK(w.bodies() == std::vector<std::string>{"age 0", "age 1", "age 2"});

        REQUIRE(report.archives.size() == 2);
        CHECK(report.archives[0].path == "/archive/20251228.json.gz");
        CHECK(report.archives[0].rows == 1);
        const std::string text = w.unpacked("/archive/20251228.json.gz");
        CHECK(text.starts_with(R"({"timestamp":"2025-12-28T12:00:00.000000000Z",)"));
        CHECK(text.contains(R"("body":"age 4")"));
        CHECK(text.ends_with("}\n"));

        const std::string audit = w.audit();
        CHECK(audit.contains(R"("trigger":"schedule","dry_run":false)"));
        CHECK(audit.contains(R"({"day":"20251228","part":"20251228","records":1,"raw_bytes":6,)"));
        CHECK(audit.contains(R"("path":"/archive/20251229.json.gz")"));
        CHECK(w.clean_up().last_done() == w.f.clock.wall_now());
    }

    TEST_CASE("R9.3 rows that were not sealed yet are archived too before they go") {
        World w;
        w.f.clock.advance(1h);
        REQUIRE(w.f.store->maintain().has_value());  // today's end of the day was
        Frame late{.key = source(2), .lines = {"late"}, .ts = kNoon - kDay * 4};
        REQUIRE(append(*w.f.store, late).has_value());
        const CleanUpReport report = w.clean_up().run({});
        CHECK(report.error == "");
        CHECK(w.bodies() == std::vector<std::string>{"age 0", "age 1", "age 2"});
        CHECK(w.unpacked("/archive/20251228.json.gz").contains(R"("body":"late")"));
        CHECK(report.archives[0].rows == 2);
    }

    TEST_CASE("R9.3 each tenant's records are archived, in files of its own") {
        World w;
        Frame other{
            .from = agent(7),
            .key = source(7),
            .lines = {"of seven"},
            .ts = kNoon - kDay * 4,
            .tenant = static_cast<TenantId>(7)
        };
        REQUIRE(append(*w.f.store, other).has_value());
        const CleanUpReport report = w.clean_up().run({});
        CHECK(report.error == "");
        CHECK(report.rows() == 3);
        REQUIRE(report.archives.size() == 3);
        CHECK(report.archives[1].path == "/archive/20251228-tenant7.json.gz");
        CHECK(w.unpacked("/archive/20251228-tenant7.json.gz").contains(R"("body":"of seven")"));
        CHECK_FALSE(w.unpacked("/archive/20251228.json.gz").contains("of seven"));
    }

    TEST_CASE("R9.6 a dry run says what would be dropped and changes nothing") {
        World w;
        const CleanUpReport report = w.clean_up().run({.dry_run = true});
        CHECK(report.dropped.size() == 2);
        CHECK(report.raw_bytes() == 12);
        CHECK(report.text() == "would drop 2 days (20251228, 20251229): 2 records, 12 B");
        CHECK(w.bodies().size() == 5);
        CHECK_FALSE(w.has_archives());
        CHECK(w.audit().empty());
    }

    TEST_CASE("R9.3 without its archive no day is dropped") {
        for (uint64_t operation = 1; operation < 40; ++operation) {
            World v;
            v.f.fs.plan_fault(operation, io::Fault::kNoSpace);
            const CleanUpReport report = v.clean_up().run({});
            v.f.fs.plan_fault(0, io::Fault::kNoSpace);
            CAPTURE(operation);
            CAPTURE(report.json());
            const size_t kept = v.bodies().size();
            CHECK(kept == 5 - report.dropped.size());
            CHECK(report.archives.size() >= report.dropped.size());
            for (const ArchiveReport& archive : report.archives) {
                CHECK(v.unpacked(archive.path).contains("age "));
            }
            // The next run does what is left, and writes no day a second time.
            const CleanUpReport again = v.clean_up().run({.trigger = "retry"});
            CHECK(again.error == "");
            CHECK(v.bodies().size() == 3);
            CHECK(v.unpacked("/archive/20251228.json.gz").contains("age 4"));
            CHECK_FALSE(v.f.fs.stat("/archive/20251228-2.json.gz").has_value());
        }
    }

    TEST_CASE("at the hard disk mark `delete_oldest` drops one day without its archive, and says so"
    ) {
        World w;
        w.options.on_archive_failure = OnArchiveFailure::kDeleteOldest;
        w.stop = true;  // the archive fails
        CHECK(w.clean_up().run({}).dropped.empty());
        w.f.options.hard_free_bytes = uint64_t{1} << 60;  // no disk has so much
        w.f.open();
        const CleanUpReport report = w.clean_up().run({});
        CHECK_FALSE(report.ok());
        CHECK(report.without_archive == std::vector<std::string>{"20251228"});
        CHECK(report.dropped.size() == 1);
        CHECK(w.audit().contains(R"("without_archive":["20251228"])"));
        CHECK(w.bodies().size() == 4);
        w.options.on_archive_failure = OnArchiveFailure::kKeep;
        CHECK(w.clean_up().run({}).dropped.empty());
    }

    TEST_CASE("rows that came after a day was archived get a file of their own") {
        World w;
        w.options.retention = kDay * 3;
        REQUIRE(w.clean_up().run({}).ok());
        REQUIRE(
            io::write_file_atomically(w.f.fs, "/archive/20251229.json.gz", "another").has_value()
        );
        w.options.retention = kDay * 2;
        const CleanUpReport report = w.clean_up().run({});
        REQUIRE(report.archives.size() == 1);
        CHECK(report.archives[0].path == "/archive/20251229-2.json.gz");
    }

    TEST_CASE("archives expire by the day they hold") {
        World w;
        REQUIRE(w.clean_up().run({}).ok());
        REQUIRE(io::write_file_atomically(w.f.fs, "/archive/notes.txt", "mine").has_value());
        w.options.archive_keep = kDay * 4;
        w.f.clock.advance(kDay / 2 + 1h);
        const CleanUpReport report = w.clean_up().run({});
        CHECK(report.archives_removed == std::vector<std::string>{"/archive/20251228.json.gz"});
        CHECK(
            w.f.fs.list("/archive").value() ==
            std::vector<std::string>{
                "20251229.json.gz",
                "20251229.json.gz.rows",
                "20251230.json.gz",
                "20251230.json.gz.rows",
                "notes.txt"
            }
        );
    }

    TEST_CASE("an archive of other rows with as many of them is not taken for this one") {
        World w;
        w.options.retention = kDay * 3;
        REQUIRE(w.clean_up().run({}).ok());
        REQUIRE(w.f.fs.rename("/archive/20251228.json.gz", "/archive/20251229.json.gz"));
        REQUIRE(w.f.fs.rename("/archive/20251228.json.gz.rows", "/archive/20251229.json.gz.rows"));
        w.options.retention = kDay * 2;
        const CleanUpReport report = w.clean_up().run({});
        REQUIRE(report.archives.size() == 1);
        CHECK(report.archives[0].path == "/archive/20251229-2.json.gz");
        CHECK(w.unpacked("/archive/20251229-2.json.gz").contains("age 3"));
    }

    TEST_CASE("beyond the size the oldest are archived and go, and nothing because of its age") {
        World w;
        w.options.file_bytes_max = w.f.store->segment_file_bytes() - 1;
        const CleanUpReport report = w.clean_up().run({.trigger = "size", .by_age = false});
        CHECK(report.error == "");
        REQUIRE(report.archives.size() == 1);
        CHECK(report.archives[0].path == "/archive/20251228.json.gz");
        CHECK(w.bodies() == std::vector<std::string>{"age 0", "age 1", "age 2", "age 3"});
        CHECK(w.audit().contains(R"("trigger":"size")"));
        CHECK(w.clean_up().run({.trigger = "size", .by_age = false}).dropped.empty());
    }

    TEST_CASE("the part of a day that a class has past its time is archived under its own name") {
        World w;
        const auto is_debug = [](const StreamLabels& labels) {
            return labels.get("input") == "debug";
        };
        w.options.retention = {kDay * 100, {{is_debug, kDay}}};
        w.f.options.retention = w.options.retention;
        w.f.open();
        Frame frame{.key = source(9), .lines = {"debug"}, .stream = stream_of("debug")};
        REQUIRE(append(*w.f.store, frame).has_value());
        Frame beside{.key = source(10), .lines = {"beside it"}};
        REQUIRE(append(*w.f.store, beside).has_value());
        w.f.clock.advance(kDay * 2);
        const CleanUpReport report = w.clean_up().run({});
        CHECK(report.error == "");
        REQUIRE(report.archives.size() == 1);
        CHECK(report.archives[0].path == "/archive/20260101-kept1d.json.gz");
        CHECK(w.unpacked(report.archives[0].path).contains(R"("body":"debug")"));
        CHECK(report.text().contains("20260101-kept1d"));
        CHECK(w.bodies().size() == 6);
        w.options.archive_keep = kDay * 5;
        w.f.clock.advance(kDay * 5);
        CHECK(w.clean_up().run({}).archives_removed == std::vector{report.archives[0].path});
    }

    TEST_CASE("a dry run seals nothing") {
        World w;
        const size_t files = w.f.segment_files().size();
        Frame late{.key = source(2), .lines = {"late"}, .ts = kNoon - kDay * 4};
        REQUIRE(append(*w.f.store, late).has_value());
        const CleanUpReport report = w.clean_up().run({.dry_run = true});
        CHECK(report.rows() == 3);
        CHECK(report.staged_rows == 1);
        CHECK(report.text().ends_with("; 1 of them are not sealed yet"));
        CHECK(w.f.segment_files().size() == files);
    }

    TEST_CASE("a wrong clock removes no archive, and none goes in the run that made it") {
        World w;
        w.options.archive_keep = kDay * 2;  // a schema refuses this; the run is safe all the same
        const CleanUpReport made = w.clean_up().run({});
        CHECK(made.archives.size() == 2);
        CHECK(made.archives_removed.empty());
        w.f.clock.set_wall(kNoon + kDay * 400);
        CHECK(w.clean_up().run({}).archives_removed.empty());
        CHECK(w.clean_up().run({.trigger = "size", .by_age = false}).archives_removed.empty());
        CHECK(w.unpacked("/archive/20251228.json.gz").contains("age 4"));
    }

    TEST_CASE("more than two days, or a stepped clock, wait for an operator") {
        World w;
        w.options.retention = kDay;
        const CleanUpReport many = w.clean_up().run({});
        CHECK(many.dropped.size() == 2);
        CHECK(many.held_back.size() == 1);
        CHECK(many.text().contains("held back 20251230: 3 days are due"));
        w.f.clock.set_wall(kNoon + kDay * 400);
        const CleanUpReport stepped = w.clean_up().run({});
        CHECK(stepped.dropped.empty());
        CHECK(stepped.archives.empty());
        CHECK(stepped.held_back_reason == "the clock was stepped by more than an hour");
        CHECK(w.clean_up().run({.trigger = "operator", .confirm = true}).dropped.size() == 3);
        CHECK(w.bodies().empty());
    }

    TEST_CASE("by a stepped clock no archive goes, even with no day to hold back") {
        World w;
        w.options.retention = kDay * 3650;
        w.options.archive_keep = kDay * 4000;
        REQUIRE(w.f.fs.make_directories("/archive").has_value());
        {
            auto file = w.f.fs.open("/archive/20250101.json.gz", io::OpenMode::kWriteAppend);
            REQUIRE(file.has_value());
            REQUIRE((*file)->append("old").has_value());
        }
        w.f.clock.set_wall(kNoon + kDay * 3640);
        const CleanUpReport stepped = w.clean_up().run({});
        CHECK(stepped.held_back.empty());
        CHECK(stepped.archives_removed.empty());
        CHECK(w.clean_up().run({.confirm = true}).archives_removed.size() == 1);
    }

    TEST_CASE("R9.2 R9.8 runs when it is due, tries again after a failure, then tells") {
        World w;
        w.f.clock.set_wall(kNoon - kDay / 2);  // 00:00; stepping back an hour or more is noticed
        REQUIRE(drop_days_before(*w.f.store, store::Day{0}, true).has_value());
        CleanUp clean_up = w.clean_up();
        std::mutex mutex;
        std::vector<std::pair<CleanUpReport, bool>> told;
        const auto told_count = [&] {
            const std::lock_guard lock(mutex);
            return told.size();
        };
        CleanUpService service(
            clean_up,
            {.cron = *collector::schedule::CronSchedule::parse("0 3 * * *"),
             .zone = {},
             .attempts = 3},
            w.f.clock,
            [&](const CleanUpReport& report, bool is_last) {
                const std::lock_guard lock(mutex);
                told.emplace_back(report, is_last);
            }
        );
        service.start();
        REQUIRE(service.state().next.has_value());
        CHECK(to_rfc3339(*service.state().next) == "2026-01-01T03:00:00.000000000Z");
        CHECK(told_count() == 0);
        w.stop = true;  // archives fail
        w.f.clock.advance(3h);
        REQUIRE(eventually([&] { return told_count() == 1; }));
        w.f.clock.advance(1min);
        REQUIRE(eventually([&] { return told_count() == 2; }));
        w.f.clock.advance(1min);  // the second wait is twice the first
        CHECK(service.state().failed_attempts == 2);
        w.f.clock.advance(1min);
        REQUIRE(eventually([&] { return told_count() == 3; }));
        CHECK_FALSE(told[0].second);
        CHECK_FALSE(told[1].second);
        CHECK(told[2].second);
        CHECK(told[2].first.request.trigger == "retry");
        CHECK(told[2].first.error.contains("stopped before the archive was written"));
        CHECK(to_rfc3339(*service.state().next) == "2026-01-02T03:00:00.000000000Z");
        w.stop = false;
        w.f.clock.advance(kDay);
        REQUIRE(eventually([&] { return told_count() == 4; }));
        CHECK(told[3].first.ok());
        CHECK(told[3].first.dropped.size() == 2);
        service.stop();
        // A moment missed while the program was down is made up for.
        w.f.clock.advance(kDay);
        CleanUpService later(
            clean_up,
            {.cron = *collector::schedule::CronSchedule::parse("0 3 * * *"), .zone = {}},
            w.f.clock,
            [&](const CleanUpReport& report, bool is_last) {
                const std::lock_guard lock(mutex);
                told.emplace_back(report, is_last);
            }
        );
        later.start();
        REQUIRE(eventually([&] { return told_count() == 5; }));
        later.stop();
    }
}

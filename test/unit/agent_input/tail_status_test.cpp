// SPDX-License-Identifier: Apache-2.0
// What a tail input tells of itself: how far it is behind, what it leaves out, what helps.
#include <cerrno>
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include "agent/input/tail/glob.hpp"
#include "common/base/error.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

struct Fixture {
    TailStatus status() const { return host.reader->status(); }

    FakeCollector collector;
    Host host{collector};
};

/// A file last changed five hours ago, where one hour is too old.
struct OldFixture : Fixture {
    OldFixture() {
        host.options.ignore_older = std::chrono::hours(1);
        host.clock.set_wall(io::system_clock().wall_now());
        host.dir.append("old.log", "old\n");
        stdfs::last_write_time(
            host.dir.at("old.log"), stdfs::file_time_type::clock::now() - std::chrono::hours(5)
        );
    }
};

}  // namespace

TEST_SUITE("agent/input/tail/status") {
    TEST_CASE("lag_seconds is the age of what is unread, and 0 again when it was taken") {
        Fixture f;
        f.collector.unreachable = true;
        f.host.dir.append("a.log", "one\n");
        f.host.start();
        f.host.run(10);
        CHECK(f.status().lag_seconds >= 8);
        f.host.dir.append("a.log", "two\n");
        f.host.run(10);
        CHECK(f.status().lag_seconds >= 18);
        f.collector.reach();
        f.host.run(5);
        CHECK(f.collector.state.lines.size() == 2);
        CHECK(f.status().lag_seconds == 0);
    }

    TEST_CASE("lag_seconds is not begun anew when lines are under way or come back") {
        Fixture f;
        f.host.dir.append("a.log", "one\n");
        f.host.start();
        f.host.run(3);
        REQUIRE(f.collector.state.lines.size() == 1);
        f.collector.fail_next = 1'000'000;
        f.host.dir.append("a.log", "two\n");
        f.host.run(20);
        CHECK(f.status().lag_seconds >= 18);
        f.collector.fail_next = 0;
        f.host.run(10);
        CHECK(f.collector.state.lines.size() == 2);
        CHECK(f.status().lag_seconds == 0);
    }

    TEST_CASE("lag_seconds stays small while lines flow") {
        Fixture f;
        f.host.start();
        for (int i = 0; i < 30; ++i) {
            f.host.dir.append("a.log", "line " + std::to_string(i) + "\n");
            f.host.run();
            CHECK(f.status().lag_seconds <= 2);
        }
        CHECK(f.collector.state.lines.size() == 30);
    }

    TEST_CASE("a file left out by ignore_older is not open, not behind, and told") {
        OldFixture f;
        f.host.start();
        f.host.run(3);
        CHECK(f.status().ignored_files == 1);
        CHECK(f.status().files == 0);
        CHECK(f.status().open_files == 0);
        CHECK(f.status().lag_bytes == 0);
        CHECK(f.status().lag_seconds == 0);
        f.host.dir.append("old.log", "changed\n");
        f.host.run(3);
        CHECK(f.collector.state.lines.size() == 2);
        CHECK(f.status().ignored_files == 0);
        CHECK(f.status().files == 1);
    }

    TEST_CASE("a file left out by ignore_older is no loss when it is removed") {
        OldFixture f;
        f.host.start();
        f.host.run(3);
        f.host.dir.remove("old.log");
        f.host.run(3);
        CHECK(f.status().ignored_files == 0);
        CHECK_FALSE(f.collector.has_event("lost_bytes"));
    }

    TEST_CASE("a file read before goes on however old it is") {
        OldFixture f;
        f.host.options.ignore_older = Nanos(0);
        f.host.start();
        f.host.run(3);
        f.host.stop();
        f.host.options.ignore_older = std::chrono::hours(1);
        f.host.start();
        f.host.run(3);
        CHECK(f.status().ignored_files == 0);
        CHECK(f.status().files == 1);
    }

    TEST_CASE("only what lacks permission is told how to get it") {
        const std::string denied = with_remedy(errno_error(EACCES, "opening /var/log/secure"));
        CHECK(denied.find("10-read-all.conf.example") != std::string::npos);
        CHECK(denied.starts_with("opening /var/log/secure: "));
        const Error io = errno_error(EIO, "reading /var/log/a");
        CHECK(with_remedy(io) == io.message);
    }

    TEST_CASE("files beyond max_files are counted in a metric") {
        Fixture f;
        f.host.options.files_max = 3;
        for (int i = 0; i < 5; ++i) {
            f.host.dir.append(std::to_string(i) + ".log", "x\n");
        }
        f.host.start();
        f.host.run(2);
        CHECK(
            f.host.registry->text().find("seyir_agent_tail_files_beyond_max{input=\"app\"} 2") !=
            std::string::npos
        );
        REQUIRE(f.status().complaints.size() == 1);
        CHECK(f.status().complaints[0].find("max_files (3)") != std::string::npos);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Two inputs of one agent that match the same file: one lane at the collector, so one reads it.
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "agent/input/file_claims.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

struct Fixture {
    Fixture() {
        host.claims = &claims;
        other = host.options;
        other.id = "other";
    }

    /// Both inputs run; `app` looks first.
    void start() {
        host.start();
        host.reader->poll_once();
        host.second = host.make_reader(other);
        host.run(3);
    }

    std::vector<std::string> complaints() const { return host.second->status().complaints; }

    FakeCollector collector;
    FileClaims claims;
    Host host{collector};
    TailOptions other;
};

}  // namespace

TEST_SUITE("agent/input/tail/claims") {
    TEST_CASE("a file two inputs match is read by one of them, the other says so and waits") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 100));
        REQUIRE(f.complaints().size() == 1);
        CHECK(
            f.complaints()[0] ==
            f.host.dir.at("a.log") + " is read by input `app` already: use one input and two routes"
        );
        CHECK(f.host.second->status().files == 0);
        CHECK(f.host.second->status().lag_bytes == 0);
        CHECK(f.host.reader->status().complaints.empty());
    }

    TEST_CASE("when the first input stops the other reads on, and no line is lost or doubled") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        f.host.reader->finish();
        f.host.reader->settle();
        f.host.dir.append("a.log", text_of(lines_of("a", 100, 200)));
        f.host.reader = std::move(f.host.second);
        f.host.run(3);
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 200));
        CHECK(f.host.reader->status().complaints.empty());
        CHECK(f.host.reader->status().files == 1);
    }

    TEST_CASE("a file stays with its input through renames, copies, cuts and new files") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        f.host.dir.rename("a.log", "a.log.1");
        f.host.dir.append("a.log", text_of(lines_of("a", 100, 200)));
        f.host.run(3);
        f.host.dir.copy("a.log", "a.log.2");
        f.host.dir.write("a.log", "");
        f.host.run(3);
        f.host.dir.append("a.log", text_of(lines_of("a", 200, 300)));
        f.host.run(10);
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 300));
        CHECK(f.complaints().size() == 3);
        CHECK(f.host.second->status().files == 0);
    }

    TEST_CASE("a file the first input lets go is read by the other") {
        Fixture f;
        f.host.options.include = {f.host.dir.at("a.log")};
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        CHECK(f.host.second->status().files == 0);
        f.host.dir.rename("a.log", "b.log");  // out of the first input's globs
        f.host.run(40);                       // longer than rotated_quiet
        CHECK(f.host.second->status().files == 1);
        f.host.dir.append("b.log", text_of(lines_of("a", 100, 200)));
        f.host.run(3);
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 200));
    }

    TEST_CASE("a file that vanishes is no loss of the input that did not read it") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        REQUIRE(f.complaints().size() == 1);
        f.host.dir.remove("a.log");
        f.host.run(3);
        CHECK(f.complaints().empty());
        CHECK_FALSE(f.collector.has_event("lost_bytes"));
    }

    TEST_CASE("over a restart a file stays with the input that read it, whichever looks first") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        f.host.second.reset();
        f.host.stop();
        f.host.start();
        f.host.second = f.host.make_reader(f.other);
        f.host.second->poll_once();
        f.host.run(3);
        REQUIRE(f.complaints().size() == 1);
        CHECK(f.host.reader->status().files == 1);
        f.host.dir.append("a.log", text_of(lines_of("a", 100, 200)));
        f.host.run(3);
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 200));
    }

    TEST_CASE("what the first input remembers and no longer matches is free for the other") {
        Fixture f;
        f.host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        f.start();
        f.host.second.reset();
        f.host.stop();
        f.host.options.exclude = {f.host.dir.at("a.log")};
        f.host.start();
        f.host.second = f.host.make_reader(f.other);
        f.host.run(3);
        CHECK(f.complaints().empty());
        f.host.dir.append("a.log", text_of(lines_of("a", 100, 200)));
        f.host.run(3);
        CHECK(f.collector.state.bodies() == lines_of("a", 0, 200));
    }

    TEST_CASE("compressed files are nobody's") {
        Fixture f;
        f.host.dir.append("a.log.gz", std::string("\x1f\x8b\x08", 3) + std::string(100, 'x'));
        f.start();
        f.host.run(3);
        CHECK(f.complaints().empty());
    }
}

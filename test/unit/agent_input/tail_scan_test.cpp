// SPDX-License-Identifier: Apache-2.0
// How often a tail input looks at files nothing happens to, and how far apart its rounds are.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "agent/input/directory_watch.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;
using namespace std::chrono_literals;

namespace {

/// A kernel that tells what the test lets it tell.
class FakeWatch final : public DirectoryWatch {
  public:
    bool watch(const std::vector<std::string>& directories) override {
        return std::exchange(directories_, directories.size()) != directories.size();
    }

    bool drain(std::vector<WatchEvent>& events) override {
        events = std::exchange(pending, {});
        return true;
    }

    size_t watched_count() const override { return directories_; }

    bool tells_all() const override { return tells; }

    std::vector<WatchEvent> pending;
    bool tells = true;

  private:
    size_t directories_ = 0;
};

constexpr int kFiles = 1'000;  // 3 ms each: a scan in 3 s

struct Fixture {
    Fixture() {
        host.watch = &watch;
        for (int i = 0; i < kFiles; ++i) {
            host.dir.append(name(i), "file " + std::to_string(i) + "\n");
        }
    }

    static std::string name(int i) { return "f" + std::to_string(i) + ".log"; }

    void start() {
        host.start();
        host.run(5);
        REQUIRE(collector.state.lines.size() == kFiles);
    }

    uint64_t scans_in(int seconds) {
        const uint64_t before = scans();
        host.run(seconds);
        return scans() - before;
    }

    uint64_t scans() const { return host.reader->status().scans; }

    void append_told(int i, const std::string& text) {
        host.dir.append(name(i), text);
        watch.pending.push_back({WatchEvent::Kind::kChanged, host.dir.at(name(i))});
    }

    FakeCollector collector;
    FakeWatch watch;
    Host host{collector};
};

}  // namespace

TEST_SUITE("agent/input/tail/scan") {
    TEST_CASE("files are looked at more rarely the more there are, where every change is told") {
        Fixture fixture;
        fixture.start();
        const uint64_t scans = fixture.scans_in(30);
        CHECK(scans >= 8);
        CHECK(scans <= 14);
    }

    TEST_CASE("files are looked at each second where changes may go untold") {
        Fixture fixture;
        fixture.watch.tells = false;
        fixture.start();
        CHECK(fixture.scans_in(30) >= 28);
    }

    TEST_CASE("a file with a second name, or behind a symlink, is looked at each second") {
        TempDir elsewhere;
        for (const bool hard : {true, false}) {
            CAPTURE(hard);
            Fixture fixture;
            elsewhere.append("target", "first\n");
            const stdfs::path link = fixture.host.dir.at("link.log");
            if (hard) {
                stdfs::create_hard_link(elsewhere.at("target"), link);
            } else {
                stdfs::create_symlink(elsewhere.at("target"), link);
            }
            fixture.host.start();
            fixture.host.run(5);
            CHECK(fixture.scans_in(30) >= 28);
        }
    }

    TEST_CASE("told changes are read at once, between scans") {
        Fixture fixture;
        fixture.start();
        const uint64_t before = fixture.scans();
        fixture.append_told(7, "more\n");
        fixture.host.settle();
        CHECK(fixture.collector.state.lines.size() == kFiles + 1);
        CHECK(fixture.scans() <= before + 1);
    }

    TEST_CASE("changes that go untold twice bring the scans of each second back") {
        Fixture fixture;
        fixture.start();
        for (int round = 1; round <= 2; ++round) {
            fixture.host.dir.append(Fixture::name(3), "written through a mapping\n");
            fixture.host.run(8);
            CHECK(fixture.collector.state.lines.size() == static_cast<size_t>(kFiles + round));
        }
        CHECK(fixture.scans_in(30) >= 28);
        fixture.host.run(600);
        CHECK(fixture.scans_in(30) <= 14);
    }

    TEST_CASE("a line without its end goes out in its time, though nothing more is told") {
        Fixture fixture;
        fixture.start();
        fixture.append_told(5, "no end");
        fixture.host.run(8);  // partial_line_wait is 5 s
        CHECK(fixture.collector.state.lines.size() == kFiles + 1);
    }

    TEST_CASE("rounds are close together only while much is read") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "first\n");
        host.start();
        host.run(3);
        CHECK(host.reader->wake_gap() == 25ms);
        host.dir.append("a.log", text_of(lines_of("a line of a busy file", 0, 100'000)));
        host.clock.advance(1s);
        host.reader->poll_once();
        CHECK(host.reader->wake_gap() == 5ms);
        host.settle();
        CHECK(host.reader->wake_gap() == 25ms);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/directory_watch.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

struct Fixture {
    Fixture() : watch(*InotifyWatch::open()) {
        for (const char* name : {"v1", "v2"}) {
            stdfs::create_directories(dir.at(name) + "/log");
        }
        lead_to("v1");
    }

    void lead_to(const char* version) const {
        stdfs::create_directory_symlink(dir.at(version), dir.at("next"));
        dir.rename("next", "current");
    }

    bool tells_of(const std::string& name) {
        std::vector<WatchEvent> events;
        dir.append(name, "x\n");
        CHECK(watch->drain(events));
        return std::ranges::any_of(events, [&](const WatchEvent& event) {
            return event.path == dir.at("current/log/a.log");
        });
    }

    TempDir dir{memory_directory()};
    std::unique_ptr<InotifyWatch> watch;
};

}  // namespace

TEST_SUITE("agent/input/directory_watch") {
    TEST_CASE_FIXTURE(Fixture, "a symlink that leads elsewhere is followed at the next scan") {
        const std::vector<std::string> log{dir.at("current/log")};
        CHECK(watch->watch(log));
        CHECK_FALSE(watch->watch(log));
        CHECK(tells_of("v1/log/a.log"));
        lead_to("v2");
        CHECK(watch->watch(log));
        CHECK(tells_of("v2/log/a.log"));
        CHECK_FALSE(tells_of("v1/log/a.log"));
        CHECK(watch->watched_count() == 1);
    }

    TEST_CASE_FIXTURE(Fixture, "a folder replaced above the watched one is noticed") {
        stdfs::remove(dir.at("current"));
        dir.rename("v1", "current");
        const std::vector<std::string> log{dir.at("current/log")};
        CHECK(watch->watch(log));
        dir.rename("current", "old");
        dir.rename("v2", "current");
        CHECK(watch->watch(log));
        CHECK(tells_of("current/log/a.log"));
    }

    TEST_CASE_FIXTURE(Fixture, "behind a symlink not everything is told") {
        watch->watch({dir.at("v1/log")});
        const bool is_local = watch->tells_all();  // where the tests run
        watch->watch({dir.at("current/log")});
        CHECK_FALSE(watch->tells_all());
        watch->watch({dir.at("v1/log")});
        CHECK(watch->tells_all() == is_local);
    }

    TEST_CASE_FIXTURE(Fixture, "one directory by two paths is new once") {
        const std::vector<std::string> both{dir.at("current/log"), dir.at("v1/log")};
        CHECK(watch->watch(both));
        CHECK_FALSE(watch->watch(both));
        CHECK_FALSE(watch->tells_all());
    }
}

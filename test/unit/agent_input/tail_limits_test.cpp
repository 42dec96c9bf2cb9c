// SPDX-License-Identifier: Apache-2.0
// Limits of a tail input that are about others: its share of time, of bytes a second, of the disk.
#include <algorithm>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

uint64_t lost_bytes(Host& host) {
    return host.registry
        ->counter(
            "seyir_agent_tail_lost_bytes_total",
            "Bytes gone before they were acknowledged.",
            {{"input", "app"}}
        )
        .value();
}

}  // namespace

TEST_SUITE("agent/input/tail/limits") {
    TEST_CASE("a large file does not keep a small one waiting") {
        FakeCollector collector;
        Host host(collector);
        host.options.read_chunk_bytes = 64 * kKiB;
        host.options.batch_raw_bytes = 64 * kKiB;
        const auto large = lines_of("a line of the large file", 0, 100'000);
        host.dir.append("a.log", text_of(large));
        host.dir.append("b.log", "small\n");
        host.start();
        host.run();
        REQUIRE(collector.state.lines.size() == large.size() + 1);
        const auto bodies = collector.state.bodies();
        const auto at = std::ranges::find(bodies, "small") - bodies.begin();
        CHECK(at < 10'000);  // behind one turn of the large file, not behind all of it
    }

    TEST_CASE("rate_limit bounds the bytes a second of all files; nothing is lost by it") {
        FakeCollector collector;
        Host host(collector);
        host.options.rate_bytes_max = 100'000;
        host.options.read_chunk_bytes = 16 * kKiB;
        const auto lines = lines_of("a line of some length, and a bit more", 0, 8'000);
        for (const char* name : {"a.log", "b.log"}) {
            host.dir.append(name, text_of(lines));
        }
        const uint64_t total = 2 * text_of(lines).size();
        host.start();
        const SteadyTime began = host.clock.steady_now();
        uint64_t most_early = 0;
        while (collector.state.lines.size() < 2 * lines.size()) {
            REQUIRE(host.clock.steady_now() - began < std::chrono::minutes(1));
            host.reader->poll_once();
            host.clock.advance(std::chrono::milliseconds(10));
            if (host.clock.steady_now() - began <= std::chrono::seconds(2)) {
                most_early = collector.state.lines.size();
            }
        }
        const double seconds =
            std::chrono::duration<double>(host.clock.steady_now() - began).count();
        CHECK(static_cast<double>(total) / seconds < 115'000);
        CHECK(static_cast<double>(total) / seconds > 80'000);
        CHECK(most_early * 45 < 300'000);
    }

    TEST_CASE("cut before it was read: counted, with the bytes a stat or the copy showed") {
        FakeCollector collector;
        Host host(collector);
        host.options.in_flight_bytes_max = 1;  // one batch, then it waits for the answer
        host.dir.append("a.log", "first\n");
        host.start();
        host.run();
        REQUIRE(collector.state.lines.size() == 1);
        collector.hold = true;
        host.dir.append("a.log", "under way\n");
        host.run();
        REQUIRE(collector.held.size() == 1);
        host.dir.append("a.log", std::string(99, 'x') + "\n");
        host.run(2);
        uint64_t lost = 0;
        size_t stored = 0;
        SUBCASE("truncated: all that a stat showed") {
            lost = 100;
            stored = 2;
        }
        SUBCASE("copytruncate: all that the copy does not have") {
            host.dir.copy("a.log", "a.log.1");
            host.dir.append("a.log", "after the copy\n");
            host.run();
            lost = 15;
            stored = 3;
        }
        host.dir.write("a.log", "");
        host.run(2);
        collector.release_held();
        host.run(70);
        CHECK(lost_bytes(host) == lost);
        CHECK(collector.has_event("lost_bytes"));
        CHECK(collector.state.lines.size() == stored);
        const auto& cuts = host.registry->counter(
            "seyir_agent_tail_truncations_total",
            "Files truncated or rewritten in place.",
            {{"input", "app"}}
        );
        CHECK(cuts.value() == 1);
        host.stop();
    }

    TEST_CASE("a removed file is held for deleted_files.hold, then let go and counted") {
        FakeCollector collector;
        Host host(collector);
        host.options.deleted_files_hold = std::chrono::seconds(60);
        host.dir.append("a.log", "x\n");
        host.start();
        host.run();
        REQUIRE(collector.state.lines.size() == 1);
        collector.hold = true;
        host.dir.append("a.log", std::string(998, 'y') + "\n");
        host.run();
        host.dir.remove("a.log");
        host.run(40);
        CHECK(host.reader->status().open_files == 1);
        CHECK(lost_bytes(host) == 0);
        SUBCASE("not delivered in time") {
            host.run(30);
            CHECK(host.reader->status().open_files == 0);
            CHECK(lost_bytes(host) == 999);
            CHECK(collector.has_event("lost_bytes"));
        }
        SUBCASE("delivered in time") {
            collector.release_held();
            host.run(40);
            CHECK(host.reader->status().open_files == 0);
            CHECK(lost_bytes(host) == 0);
            CHECK(collector.state.lines.size() == 2);
        }
        host.stop();
    }

    TEST_CASE("deleted files that are held count against limits.disk; the oldest go, counted") {
        io::DiskBudget disk(30'000);
        FakeCollector collector;
        Host host(collector);
        host.disk = &disk;
        for (const char* name : {"a.log", "b.log", "c.log"}) {
            host.dir.append(name, "x\n");
        }
        host.start();
        host.run();
        REQUIRE(collector.state.lines.size() == 3);
        collector.hold = true;
        io::DiskBudget::Share buffer(disk, 0, 100'000);
        buffer.hold(8'000);
        for (const char* name : {"a.log", "b.log", "c.log"}) {
            host.dir.append(name, std::string(9'998, 'y') + "\n");
            host.run();
            host.dir.remove(name);
            host.run(3);
        }
        CHECK(disk.total() <= disk.limit());
        CHECK(disk.total() > 8'000);
        CHECK(lost_bytes(host) > 0);
        host.stop();
    }

    TEST_CASE("deleted files keep their part of limits.disk, however full the buffers are") {
        io::DiskBudget disk(40'000);
        FakeCollector collector;
        Host host(collector);
        host.disk = &disk;
        io::DiskBudget::Share buffer(disk, 0, 100'000);
        host.dir.append("a.log", "x\n");
        host.start();
        host.run();
        collector.hold = true;
        buffer.hold(60'000);
        host.dir.append("a.log", std::string(9'997, 'y') + "\n");
        host.run();
        host.dir.remove("a.log");
        host.run(3);
        CHECK(lost_bytes(host) == 0);
        CHECK(disk.total() == 70'000);
        host.stop();
        CHECK(disk.total() == 60'000);  // an input that is gone gives its part back
    }
}

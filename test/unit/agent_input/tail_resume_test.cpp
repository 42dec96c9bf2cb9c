// SPDX-License-Identifier: Apache-2.0
// Restarts, rollbacks, clones: DESIGN 6's outcomes with a collector that keeps the wire's rules.
#include <algorithm>
#include <iterator>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

TEST_SUITE("agent/input/tail/resume") {
    TEST_CASE("a restart resumes where the checkpoint stands") {
        FakeCollector collector;
        Host host(collector);
        host.use_positions = false;
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.stop();
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 20));
        CHECK(collector.state.skipped_bytes == 0);
    }

    TEST_CASE("killed before the checkpoint was written: the collector's positions decide") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.kill();
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 12));
    }

    TEST_CASE("killed with acknowledgements withheld: nothing twice, nothing lost") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        collector.hold = true;
        host.dir.append("a.log", text_of(lines_of("x", 10, 15)));
        host.run();
        collector.store_batch(*collector.held.at(0).first);  // stored, but the answer got lost
        host.kill();
        collector.hold = false;
        host.dir.append("a.log", text_of(lines_of("x", 15, 20)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 20));
    }

    TEST_CASE("the agent's state was deleted: the collector's positions still fit") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.write("a.log", text_of(lines_of("second", 0, 5)));
        host.run();
        host.stop();
        stdfs::remove_all(host.state.at("agent"));
        host.dir.append("a.log", text_of(lines_of("second", 5, 7)));
        host.start();
        host.run();
        auto expected = lines_of("x", 0, 10);
        for (const auto& line : lines_of("second", 0, 7)) {
            expected.push_back(line);
        }
        CHECK(collector.state.bodies() == expected);
        CHECK(collector.forks.empty());
    }

    TEST_CASE("the agent was rolled back: it goes on at the committed position") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.stop();
        stdfs::copy(
            host.state.at("agent"), host.state.at("backup"), stdfs::copy_options::recursive
        );
        host.start();
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.run();
        host.stop();
        stdfs::remove_all(host.state.at("agent"));
        stdfs::rename(host.state.at("backup"), host.state.at("agent"));
        host.dir.append("a.log", text_of(lines_of("x", 20, 25)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 25));
        CHECK(collector.forks.empty());
    }

    TEST_CASE("the collector was rolled back: the bytes it lost are sent again, and it is said") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        const StoreState backup = collector.state;
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.dir.append("b.log", text_of(lines_of("late file", 0, 5)));
        host.run();
        host.stop();
        collector.state = backup;
        collector.state.restore_generation = 1;
        host.start();
        host.run();
        auto got = collector.state.bodies();
        auto expected = lines_of("x", 0, 20);
        for (const auto& line : lines_of("late file", 0, 5)) {
            expected.push_back(line);
        }
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
        CHECK(collector.has_event("refill"));
    }

    TEST_CASE("the collector is rolled back while the agent runs: it rewinds by itself") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        const StoreState backup = collector.state;
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.run();
        collector.state = backup;
        host.dir.append("a.log", text_of(lines_of("x", 20, 30)));
        host.run(2);
        CHECK(collector.state.bodies() == lines_of("x", 0, 30));
        CHECK(collector.has_event("refill"));
    }

    TEST_CASE("the collector is rolled back while the agent runs: idle files are sent again") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.dir.append("same.log", text_of(lines_of("same", 0, 10)));
        host.start();
        host.run();
        const StoreState backup = collector.state;
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.dir.append("b.log", text_of(lines_of("late file", 0, 5)));
        host.run();
        const auto expected = collector.state.bodies();
        REQUIRE(expected.size() == 35);
        collector.come_back_as(backup);
        host.run(2);
        auto got = collector.state.bodies();
        CHECK(got.size() == 35);
        CHECK(std::ranges::is_permutation(got, expected));
        CHECK(collector.has_event("refill"));
        CHECK(collector.events.size() == 2);  // nothing to say of the lane that was not behind
        CHECK(collector.forks.empty());
        // And all go on as before.
        host.dir.append("a.log", text_of(lines_of("x", 20, 22)));
        host.dir.append("same.log", text_of(lines_of("same", 10, 12)));
        host.run(2);
        CHECK(collector.state.lines.size() == 39);
        CHECK(collector.state.skipped_bytes == 0);
    }

    TEST_CASE("a store that has all of it: asked again, nothing is sent again") {
        FakeCollector collector;
        Host host(collector);
        host.options.open_files_max = 1;
        for (const char* name : {"a.log", "b.log", "c.log"}) {
            host.dir.append(name, text_of(lines_of(name, 0, 10)));
        }
        host.start();
        host.run(2);
        const int batches = collector.batches;
        const int asked = collector.asked;
        collector.come_back_as(collector.state);
        collector.come_back_as(collector.state);
        host.run(3);
        CHECK(collector.asked > asked);
        CHECK(collector.batches == batches);
        CHECK(collector.events.empty());
        CHECK(host.reader->status().waiting_for_answer == 0);
    }

    TEST_CASE("rolled back with batches under way: they are waited for, nothing twice or lost") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        const StoreState backup = collector.state;
        host.dir.append("a.log", text_of(lines_of("x", 10, 20)));
        host.run();
        collector.hold = true;
        host.dir.append("a.log", text_of(lines_of("x", 20, 30)));
        host.run();
        REQUIRE(collector.held.size() == 1);
        const int asked = collector.asked;
        collector.come_back_as(backup);
        host.dir.append("a.log", text_of(lines_of("x", 30, 40)));
        host.run(2);
        CHECK(collector.asked == asked);
        collector.release_held();
        host.run(2);
        CHECK(collector.state.bodies() == lines_of("x", 0, 40));
        CHECK(collector.has_event("refill"));
    }

    TEST_CASE("another collector while the agent runs: idle lanes say where they go on") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        collector.come_back_as(StoreState());
        host.run(2);
        CHECK(collector.state.lines.empty());
        CHECK(collector.has_event("lane_start"));
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));
        host.run(2);
        CHECK(collector.state.bodies() == lines_of("x", 10, 12));
        CHECK(collector.state.skipped_bytes == text_of(lines_of("x", 0, 10)).size());
    }

    TEST_CASE("a new, empty collector: lanes start at the checkpoint and say so") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.stop();
        collector.state = StoreState();
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 10, 12));
        CHECK(collector.state.skipped_bytes == text_of(lines_of("x", 0, 10)).size());
    }

    TEST_CASE("a new, empty collector while the agent runs") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        collector.state = StoreState();
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));
        host.run(2);
        CHECK(collector.state.bodies() == lines_of("x", 10, 12));
    }

    TEST_CASE("a clone whose file goes another way forks, and nothing is lost on either side") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.dir.append("b.log", text_of(lines_of("y", 0, 10)));
        host.start();
        host.run();
        host.stop();
        // The twin: same files and state up to here. The original goes on.
        stdfs::copy(host.state.at("agent"), host.state.at("twin"), stdfs::copy_options::recursive);
        host.start();
        host.dir.append("a.log", text_of(lines_of("original", 0, 5)));
        host.run();
        host.stop();
        // "The clone": the same inode as it would be on the twin's disk, with other bytes.
        stdfs::remove_all(host.state.at("agent"));
        stdfs::rename(host.state.at("twin"), host.state.at("agent"));
        stdfs::resize_file(host.dir.at("a.log"), text_of(lines_of("x", 0, 10)).size());
        host.dir.append("a.log", text_of(lines_of("cloned!!", 0, 5)));
        host.dir.append("b.log", text_of(lines_of("y", 10, 12)));
        const AgentId before = collector.agent;
        host.start();
        host.run(2);
        CHECK(collector.forks.size() == 1);
        CHECK(collector.agent != before);
        auto got = collector.state.bodies();
        std::vector<std::string> expected;
        for (const auto& part :
             {lines_of("x", 0, 10),
              lines_of("y", 0, 12),
              lines_of("original", 0, 5),
              lines_of("cloned!!", 0, 5)}) {
            expected.insert(expected.end(), part.begin(), part.end());
        }
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
    }

    TEST_CASE("a fork found by one input is followed by the others, and outlives a kill") {
        FakeCollector collector;
        Host host(collector, "a.log");
        TailOptions other = host.options;
        other.id = "other";
        other.include = {host.dir.at("b.log")};
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.dir.append("b.log", text_of(lines_of("y", 0, 10)));
        host.start();
        host.second = host.make_reader(other);
        host.run(3);
        REQUIRE(host.checkpoints->write_now());
        // The store's twin of this host went another way in a.log only.
        const auto key = collector.state.lanes.begin()->first.second;
        for (auto& [lane, place] : collector.state.lanes) {
            if (lane.second == key) {
                place = {place.committed + 7, 4711};
            }
        }
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));
        host.dir.append("b.log", text_of(lines_of("y", 10, 12)));
        host.run(3);
        CHECK(collector.forks.size() == 1);
        host.second.reset();
        host.kill();
        host.start();
        host.second = host.make_reader(other);
        host.dir.append("b.log", text_of(lines_of("y", 12, 14)));
        host.run(3);
        auto got = collector.state.bodies();
        auto expected = lines_of("x", 0, 12);
        for (const auto& line : lines_of("y", 0, 14)) {
            expected.push_back(line);
        }
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
        host.second.reset();
    }

    TEST_CASE("nothing is read before the collector answered; a file deleted meanwhile is not lost"
    ) {
        FakeCollector collector;
        collector.unreachable = true;
        Host host(collector);
        host.dir.append("a.log", "one\n");
        host.dir.append("b.log", "two\n");
        host.start();
        host.run(3);
        CHECK(collector.batches == 0);
        CHECK(host.reader->status().waiting_for_answer == 2);
        host.dir.remove("b.log");
        host.run(10);
        collector.reach();
        host.run();
        auto got = collector.state.bodies();
        std::ranges::sort(got);
        CHECK(got == std::vector<std::string>{"one", "two"});
    }

    TEST_CASE("a batch that comes back is read again from the last acknowledged byte") {
        FakeCollector collector;
        Host host(collector);
        host.start();
        for (int i = 0; i < 10; ++i) {
            collector.fail_next = i % 3;
            host.dir.append("a.log", text_of(lines_of("x", i * 10, i * 10 + 10)));
            host.run(2);
        }
        host.run(5);
        CHECK(collector.state.bodies() == lines_of("x", 0, 100));
    }

    TEST_CASE("truncated while the agent was stopped: the new content is read whole") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.stop();
        host.dir.write("a.log", text_of(lines_of("new", 0, 50)));
        host.start();
        host.run();
        CHECK(collector.state.lines.size() == 60);
        CHECK(collector.forks.empty());
    }

    TEST_CASE("rotated while the agent was stopped: rename and copytruncate") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("a", 0, 10)));
        host.dir.append("b.log", text_of(lines_of("b", 0, 10)));
        host.start();
        host.run();
        host.stop();
        host.dir.append("a.log", text_of(lines_of("a", 10, 12)));
        host.dir.rename("a.log", "a.log.1");
        host.dir.append("a.log", text_of(lines_of("a", 12, 14)));
        host.start();
        host.run(5);
        auto got = collector.state.bodies();
        std::ranges::sort(got);
        auto expected = lines_of("a", 0, 14);
        for (const auto& line : lines_of("b", 0, 10)) {
            expected.push_back(line);
        }
        std::ranges::sort(expected);
        CHECK(got == expected);
    }

    TEST_CASE("renamed out of the glob while the agent was down: its unread lines are read, once") {
        FakeCollector collector;
        Host host(collector, "*.log");
        const auto all = lines_of("a", 0, 1500);
        host.dir.append("a.log", text_of(lines_of("a", 0, 600)));
        host.start();
        host.run(2);
        REQUIRE(host.checkpoints->write_now());
        host.dir.append("a.log", text_of(lines_of("a", 600, 1000)));
        host.run(2);
        SUBCASE("stopped") {
            host.stop();
        }
        SUBCASE("killed with a checkpoint older than the collector's position") {
            host.kill();
        }
        host.dir.append("a.log", text_of(lines_of("a", 1000, 1500)));
        host.dir.rename("a.log", "a.log.1");
        host.dir.append("a.log", text_of(lines_of("new", 0, 3)));
        collector.hold = true;
        host.start();
        host.run(2);
        REQUIRE(host.checkpoints->write_now());
        host.kill();  // while it is followed: the next run finds it again
        collector.hold = false;
        host.start();
        host.run(40);
        auto got = collector.state.bodies();
        auto expected = all;
        std::ranges::copy(lines_of("new", 0, 3), std::back_inserter(expected));
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
        CHECK(host.reader->status().files == 1);  // let go after it was delivered
        CHECK(host.reader->status().open_files == 1);
        host.run(60);
        CHECK_FALSE(collector.has_event("gone_while_stopped"));
        CHECK_FALSE(collector.has_event("lost_bytes"));
    }

    TEST_CASE("another file that took the inode's name is not taken for the rotated one") {
        FakeCollector collector;
        Host host(collector, "*.log");
        host.dir.append("a.log", text_of(lines_of("a", 0, 100)));
        host.start();
        host.run(2);
        host.stop();
        host.dir.write("a.log", text_of(lines_of("other", 0, 300)));
        host.dir.rename("a.log", "a.log.1");
        host.start();
        host.run(65);
        CHECK(collector.state.lines.size() == 100);
        CHECK(collector.has_event("lost_bytes"));
    }

    TEST_CASE("a file that vanished while the agent was down is named, once") {
        FakeCollector collector;
        Host host(collector, "*.log");
        host.dir.append("a.log", text_of(lines_of("a", 0, 10)));
        host.dir.append("b.log", text_of(lines_of("b", 0, 10)));
        host.start();
        host.run(2);
        host.stop();
        host.dir.append("a.log", "unread\n");
        host.dir.remove("a.log");
        for (int start = 0; start < 2; ++start) {
            host.start();
            host.run(65);
            host.stop();
        }
        const auto gone = std::ranges::count(
            collector.events, "gone_while_stopped", [](const auto& event) { return event.first; }
        );
        CHECK(gone == 1);
        CHECK(collector.state.lines.size() == 20);
    }

    TEST_CASE("a file that a new configuration leaves out is neither followed nor called lost") {
        FakeCollector collector;
        Host host(collector, "*.log");
        host.dir.append("a.log", "one\n");
        host.start();
        host.run(2);
        host.stop();
        host.dir.append("a.log", "two\n");
        host.options.include = {host.dir.at("*.txt")};
        host.start();
        host.run(65);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one"});
        CHECK(collector.events.empty());
    }

    TEST_CASE("copytruncate while the agent was down: nothing twice, the copy's rest is read") {
        std::vector<std::string> fresh;  // left empty
        bool killed = false;
        SUBCASE("left empty") {}
        SUBCASE("left empty; killed with a checkpoint older than the collector's position") {
            killed = true;
        }
        SUBCASE("shorter than before") {
            fresh = {"n 0"};
        }
        SUBCASE("longer than before") {
            fresh = lines_of("fresh", 0, 2000);
        }
        SUBCASE("longer, and equal in its first KiB; killed") {
            killed = true;
            fresh = lines_of("s", 0, 300);
            std::ranges::copy(lines_of("fresh", 0, 2000), std::back_inserter(fresh));
        }
        FakeCollector collector;
        Host host(collector);
        host.dir.append("s.log", text_of(lines_of("s", 0, 600)));
        host.start();
        host.run(2);
        REQUIRE(host.checkpoints->write_now());
        host.dir.append("s.log", text_of(lines_of("s", 600, 1000)));
        host.run(2);
        if (killed) {
            host.kill();
        } else {
            host.stop();
        }
        host.dir.append("s.log", text_of(lines_of("s", 1000, 1100)));
        host.dir.copy("s.log", "s.log.1");
        host.dir.write("s.log", text_of(fresh));
        host.start();
        host.run(5);
        host.dir.append("s.log", "later\n");
        host.run(5);
        host.stop();
        host.start();  // and the checkpoint written since holds both lanes
        host.run(5);
        auto got = collector.state.bodies();
        auto expected = lines_of("s", 0, 1100);
        std::ranges::copy(fresh, std::back_inserter(expected));
        expected.emplace_back("later");
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
        CHECK(collector.forks.empty());
        CHECK(collector.has_event("rewritten_while_stopped"));
        CHECK_FALSE(collector.has_event("lost_bytes"));
    }

    TEST_CASE("a new file that only begins like one cut while the agent was down is read whole") {
        FakeCollector collector;
        Host host(collector);
        host.use_positions = false;
        host.dir.append("s.log", text_of(lines_of("s", 0, 1000)));
        host.start();
        host.run(2);
        host.stop();
        host.dir.write("s.log", "");
        host.dir.write("s.log.1", text_of(lines_of("s", 0, 999)) + text_of(lines_of("t", 0, 50)));
        host.start();
        host.run(5);
        CHECK(collector.state.lines.size() == 1000 + 999 + 50);
    }

    TEST_CASE("a little of a vanished file at a new one's beginning: on_ambiguity decides") {
        const std::string banner = "=== the service starts ===\n";
        FakeCollector collector;
        Host host(collector);
        size_t lines = 0;
        SUBCASE("resend: read whole") {
            lines = 3;
        }
        SUBCASE("skip: taken for a copy") {
            host.options.on_ambiguity = OnAmbiguity::kSkip;
            lines = 2;
        }
        host.dir.append("a.log", banner);
        host.start();
        host.run(2);
        host.stop();
        host.dir.append("b.log", banner + "after\n");
        host.dir.remove("a.log");
        host.start();
        host.run(5);
        CHECK(collector.state.lines.size() == lines);
        CHECK(collector.state.bodies().back() == "after");
        CHECK(collector.has_event("ambiguous_copy"));
        const auto& counted = host.registry->counter(
            "seyir_agent_tail_ambiguous_total",
            "Files that may be copies of vanished ones; on_ambiguity decided.",
            {{"input", "app"}}
        );
        CHECK(counted.value() == 1);
    }

    TEST_CASE("more than 1 KiB of a vanished file at a new one's beginning is a copy of it") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 400)));
        host.start();
        host.run(2);
        host.stop();
        host.dir.copy("a.log", "b.log");
        host.dir.append("b.log", "after\n");
        host.dir.remove("a.log");
        host.start();
        host.run(5);
        CHECK(collector.state.lines.size() == 401);
        CHECK_FALSE(collector.has_event("ambiguous_copy"));
    }

    TEST_CASE("start_at end skips what is there, once; later files and lines are read") {
        FakeCollector collector;
        Host host(collector);
        host.options.start_at = StartAt::kEnd;
        host.dir.append("a.log", text_of(lines_of("old", 0, 10)));
        host.start();
        host.run();
        host.dir.append("a.log", "new\n");
        host.dir.append("b.log", "whole\n");
        host.run(2);
        host.stop();
        host.dir.append("c.log", "while stopped\n");
        host.start();
        host.run(2);
        CHECK(
            collector.state.bodies() == std::vector<std::string>{"new", "whole", "while stopped"}
        );
    }
}

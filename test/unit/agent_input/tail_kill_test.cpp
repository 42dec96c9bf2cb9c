// SPDX-License-Identifier: Apache-2.0
// kill -9 at every step: a scenario is a list of things that happen to files; the agent works a few
// rounds between them. It is killed after each of its rounds in turn, stays away while the next few
// things happen, and comes back: every line is stored once.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

enum class Answers : uint8_t {
    kAtOnce,
    kLate,         ///< stored when the agent is killed, and the answer got lost
    kUnreachable,  ///< after the restart, for longer than anything waits
};

using Thing = std::function<void(const TempDir&)>;

struct Scenario {
    std::string name;
    std::vector<std::string> lines;  ///< all that is written, each once
    std::vector<Thing> things;
    /// An agent that never read of a file and finds it and its copy, both whole, takes them for
    /// two.
    size_t known_from_round = 1;
};

constexpr int kRoundsBetween = 6;

std::vector<std::string> concat(std::initializer_list<std::vector<std::string>> parts) {
    std::vector<std::string> all;
    for (const auto& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

Thing append(const char* name, std::vector<std::string> lines) {
    return [=](const TempDir& dir) { dir.append(name, text_of(lines)); };
}

Thing copy(const char* from, const char* to) {
    return [=](const TempDir& dir) { dir.copy(from, to); };
}

Thing cut(const char* name) {
    return [=](const TempDir& dir) { stdfs::resize_file(dir.at(name), 0); };
}

/// The whole of copytruncate between two rounds of the agent, new lines included.
Thing copytruncate(const char* from, const char* to, std::vector<std::string> next) {
    return [=](const TempDir& dir) {
        dir.copy(from, to);
        stdfs::resize_file(dir.at(from), 0);
        dir.append(from, text_of(next));
    };
}

Thing save_as_an_editor(const char* name, std::vector<std::string> more) {
    return [=](const TempDir& dir) {
        dir.copy(name, "swap");
        dir.append("swap", text_of(more));
        dir.await_tick();
        dir.rename("swap", name);
    };
}

std::vector<Scenario> scenarios() {
    return {
        {"copytruncate in one go, twice",
         lines_of("x", 0, 120),
         {append("a.log", lines_of("x", 0, 30)),
          copytruncate("a.log", "a.log.0", lines_of("x", 30, 60)),
          append("a.log", lines_of("x", 60, 80)),
          copytruncate("a.log", "a.log.1", lines_of("x", 80, 120))}},
        {"copytruncate step by step; the program writes on at once",
         lines_of("x", 0, 90),
         {append("a.log", lines_of("x", 0, 40)),
          copy("a.log", "a.log.1"),
          cut("a.log"),
          append("a.log", lines_of("x", 40, 60)),
          append("a.log", lines_of("x", 60, 90))},
         2},
        {"copytruncate with lines unread in the copy, left empty",
         lines_of("x", 0, 60),
         {append("a.log", lines_of("x", 0, 40)),
          [](const TempDir& dir) {
              dir.append("a.log", text_of(lines_of("x", 40, 50)));
              dir.copy("a.log", "0.log");  // looked at before the original
              stdfs::resize_file(dir.at("a.log"), 0);
          },
          append("a.log", lines_of("x", 50, 60))}},
        {"longer at once than what was cut",
         concat({lines_of("x", 0, 40), lines_of("new and longer", 0, 100)}),
         {append("a.log", lines_of("x", 0, 40)),
          copytruncate("a.log", "a.log.1", lines_of("new and longer", 0, 100))}},
        {"saved by an editor, twice",
         lines_of("a line of a file that is saved", 0, 70),
         {append("a.log", lines_of("a line of a file that is saved", 0, 50)),
          save_as_an_editor("a.log", lines_of("a line of a file that is saved", 50, 60)),
          save_as_an_editor("a.log", lines_of("a line of a file that is saved", 60, 70))},
         2},
        {"a copy beside the original, which stays",
         concat({lines_of("x", 0, 40), lines_of("x", 0, 40), lines_of("x", 40, 50)}),
         {append("a.log", lines_of("x", 0, 40)),
          [](const TempDir&) {},
          copy("a.log", "copy.log"),
          append("a.log", lines_of("x", 40, 50))}},
        {"renamed out of the globs with lines unread",
         lines_of("x", 0, 60),
         {append("a.log", lines_of("x", 0, 30)),
          append("a.log", lines_of("x", 30, 40)),
          [](const TempDir& dir) {
              dir.rename("a.log", "old");
              dir.append("a.log", text_of(lines_of("x", 40, 60)));
          }},
         4},
        {"renamed, and the renamed one copied and cut",
         lines_of("x", 0, 80),
         {append("a.log", lines_of("x", 0, 40)),
          [](const TempDir& dir) {
              dir.rename("a.log", "b.log");
              dir.append("a.log", text_of(lines_of("x", 40, 60)));
          },
          copytruncate("a.log", "a.log.1", lines_of("x", 60, 80))}},
    };
}

struct Run {
    size_t kill_after = 0;  ///< rounds of the agent, from the first on
    size_t missed = 0;      ///< things that happen before it is back
    Answers answers = Answers::kAtOnce;
};

/// What is wrong afterwards; "" when every line is stored once.
std::string play(const Scenario& scenario, const Run& run) {
    FakeCollector collector;
    Host host(collector);
    host.options.rescan_interval = std::chrono::milliseconds(200);
    host.start();
    collector.hold = run.answers == Answers::kLate;
    size_t rounds = 0;
    size_t away = 0;
    bool killed = false;
    const auto kill = [&] {
        killed = true;
        away = run.missed;
        if (run.answers == Answers::kLate) {
            collector.release_held();
        }
        host.kill();
        collector.unreachable = run.answers == Answers::kUnreachable;
    };
    const auto work = [&](int count) {
        for (int i = 0; i < count && host.reader; ++i) {
            host.reader->poll_once();
            if (rounds % 3 == 2) {
                static_cast<void>(host.checkpoints->write_now());
            }
            host.clock.advance(std::chrono::milliseconds(150));
            if (++rounds == run.kill_after) {
                kill();
            }
        }
    };
    for (const Thing& happens : scenario.things) {
        if (!host.reader && away == 0) {
            host.start();
        }
        away -= away > 0 ? 1 : 0;
        happens(host.dir);
        work(kRoundsBetween);
    }
    if (!killed) {
        kill();
    }
    if (!host.reader) {
        host.start();
    }
    host.run(collector.unreachable ? 90 : 1);
    collector.hold = false;
    collector.reach();
    host.run(10);
    host.stop();
    host.start();  // and what was written down since fits too
    host.run(5);
    auto got = collector.state.bodies();
    auto expected = scenario.lines;
    std::ranges::sort(got);
    std::ranges::sort(expected);
    if (got == expected) {
        return collector.forks.empty() ? "" : "forked";
    }
    std::vector<std::string> lost;
    std::vector<std::string> doubled;
    std::ranges::set_difference(expected, got, std::back_inserter(lost));
    std::ranges::set_difference(got, expected, std::back_inserter(doubled));
    return fmt::format("{} lost, {} doubled", lost.size(), doubled.size());
}

}  // namespace

TEST_SUITE("agent/input/tail/kill") {
    TEST_CASE("killed after every round, away while things happen: every line is stored once") {
        for (const Scenario& scenario : scenarios()) {
            const size_t rounds = scenario.things.size() * kRoundsBetween;
            for (const Answers answers :
                 {Answers::kAtOnce, Answers::kLate, Answers::kUnreachable}) {
                for (size_t kill_after = scenario.known_from_round; kill_after <= rounds;
                     ++kill_after) {
                    for (size_t missed = 0; missed <= 2; ++missed) {
                        const std::string wrong = play(scenario, {kill_after, missed, answers});
                        CHECK_MESSAGE(
                            wrong.empty(),
                            scenario.name,
                            ": killed after round ",
                            kill_after,
                            ", missed ",
                            missed,
                            ", answers ",
                            static_cast<int>(answers),
                            ": ",
                            wrong
                        );
                    }
                }
            }
        }
    }
}

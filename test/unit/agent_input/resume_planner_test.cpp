// SPDX-License-Identifier: Apache-2.0
// Every combination of file, checkpoint and collector that decides where reading goes on.
#include "agent/input/tail/resume_planner.hpp"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "agent/input/tail/identity.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

using pipeline::CommittedLane;

const SourceId kSource{7, 7};

uint64_t hash_at(std::string_view content, uint64_t offset) {
    return tail_hash_of(content.substr(0, offset));
}

struct Table {
    const char* name;
    std::string file;                   ///< content now
    std::optional<std::string> memory;  ///< content up to the remembered position
    uint64_t start = 0;
    std::vector<std::string> committed;  ///< content of known generations, from the first asked on
    bool same_store = true;
    ResumeAction action = ResumeAction::kResume;
    uint32_t generation = 0;
    uint64_t offset = 0;
    bool lane_start = false;
    const char* event = "";
};

ResumePlan run(const Table& row, bool has_store = true, bool after_fork = false) {
    ResumeQuestion q;
    q.first = {kSource, 0};
    q.file.size_bytes = row.file.size();
    q.file.tail_hash_at = [&](uint64_t offset) -> std::optional<uint64_t> {
        if (offset > row.file.size()) {
            return std::nullopt;
        }
        return hash_at(row.file, offset);
    };
    if (row.memory) {
        seyir::agent::checkpoint::LaneCheckpoint lane;
        lane.key = q.first;
        lane.path = "/a";
        lane.start = row.start;
        lane.acked_end = row.memory->size();
        lane.tail_hash = tail_hash_of(*row.memory);
        lane.prefix_bytes = 1;
        q.remembered = lane;
        q.file.prefix_fits = row.file.substr(0, 1) == row.memory->substr(0, 1);
    }
    q.has_store = has_store;
    q.same_store = row.same_store;
    q.after_fork = after_fork;
    for (uint32_t g = 0; has_store && g < kGenerationsAsked; ++g) {
        CommittedLane lane{.key = {kSource, g}};
        if (g < row.committed.size()) {
            lane = {{kSource, g}, true, row.committed[g].size(), tail_hash_of(row.committed[g])};
        }
        q.committed.push_back(lane);
    }
    return plan_resume(q);
}

const std::vector<Table> kTable = {
    {.name = "a new file", .file = "abcdef", .offset = 0},
    {.name = "all three agree", .file = "abcdef", .memory = "abc", .committed = {"abc"}, .offset = 3
    },
    {.name = "the collector is ahead: killed before the checkpoint, or rolled-back agent",
     .file = "abcdef",
     .memory = "ab",
     .committed = {"abcde"},
     .offset = 5},
    {.name = "the checkpoint is ahead: rolled-back collector",
     .file = "abcdef",
     .memory = "abcd",
     .committed = {"ab"},
     .offset = 2,
     .event = "refill"},
    {.name = "the collector forgot the lane: back to its beginning",
     .file = "abcdef",
     .memory = "abcd",
     .offset = 0,
     .event = "refill"},
    {.name = "the same, for a lane that began later on purpose",
     .file = "abcdef",
     .memory = "abcd",
     .start = 2,
     .offset = 2,
     .lane_start = true,
     .event = "refill"},
    {.name = "a new store: go on at the checkpoint",
     .file = "abcdef",
     .memory = "abcd",
     .same_store = false,
     .offset = 4,
     .lane_start = true,
     .event = "lane_start"},
    {.name = "back at a store that another one stood in for: go on behind what that one has",
     .file = "abcdef",
     .memory = "abcd",
     .committed = {"ab"},
     .same_store = false,
     .offset = 4,
     .lane_start = true,
     .event = "lane_start"},
    {.name = "back at a store that has more than the one that stood in for it",
     .file = "abcdef",
     .memory = "abcd",
     .committed = {"abcde"},
     .same_store = false,
     .offset = 5},
    {.name = "agent state deleted", .file = "abcdef", .committed = {"abcd"}, .offset = 4},
    {.name = "agent state deleted, third generation",
     .file = "abcdef",
     .committed = {"xyz", "x", "abc"},
     .generation = 2,
     .offset = 3},
    {.name = "agent state deleted and the file rewritten since",
     .file = "new",
     .committed = {"abcdef"},
     .generation = 1,
     .offset = 0},
    {.name = "agent state deleted, rewritten with more than before",
     .file = "something else",
     .committed = {"abcdef", "xy"},
     .generation = 2,
     .offset = 0},
    {.name = "fork: fits the checkpoint, not the collector",
     .file = "abcXYZ",
     .memory = "abc",
     .committed = {"abcdef"},
     .action = ResumeAction::kFork},
    {.name = "fork: the collector has more than this file",
     .file = "abc",
     .memory = "abc",
     .committed = {"abcdef"},
     .action = ResumeAction::kFork},
    {.name = "truncated while stopped",
     .file = "n",
     .memory = "abc",
     .committed = {"abc"},
     .generation = 1,
     .event = "rewritten_while_stopped"},
    {.name = "rewritten while stopped, and a kill before the new generation was saved",
     .file = "a new text",
     .memory = "abc",
     .committed = {"abc", "a new"},
     .generation = 1,
     .offset = 5},
    {.name = "every generation asked for is other bytes: ask for more",
     .file = "zzz",
     .committed = {"a", "b", "c", "d"},
     .action = ResumeAction::kAskMore,
     .generation = 4},
};

}  // namespace

TEST_SUITE("agent/input/tail/resume_planner") {
    TEST_CASE("the table of witnesses") {
        for (const Table& row : kTable) {
            CAPTURE(row.name);
            const ResumePlan plan = run(row);
            CHECK(plan.action == row.action);
            CHECK(plan.event == row.event);
            if (plan.action != ResumeAction::kFork) {
                CHECK(plan.key.generation == row.generation);
                CHECK(plan.offset == row.offset);
                CHECK(plan.lane_start == row.lane_start);
            }
        }
    }

    TEST_CASE("after a fork an unknown lane begins at the checkpoint, also on the same store") {
        const ResumePlan plan = run({.name = "", .file = "abcdef", .memory = "abcd"}, true, true);
        CHECK(plan.action == ResumeAction::kResume);
        CHECK(plan.offset == 4);
        CHECK(plan.lane_start);
    }

    TEST_CASE("without a collector the checkpoint decides, and a rewrite starts a generation") {
        CHECK(run({.name = "", .file = "abcdef", .memory = "abcd"}, false).offset == 4);
        const ResumePlan plan = run({.name = "", .file = "xyz", .memory = "abcd"}, false);
        CHECK(plan.key.generation == 1);
        CHECK(plan.offset == 0);
        CHECK(plan.action == ResumeAction::kResume);
    }
}

// SPDX-License-Identifier: Apache-2.0
// ResumePlanner: where to go on in a file, from three witnesses: the file itself, the checkpoint
// and the collector. A pure function, so that every combination is a row of a table in its test.
// Room: checkpoint + CommittedAnswer + file -> ResumePlan.
// Threads: pure.   Format/spec: docs/guide/tailing.md, "Where reading resumes";
// docs/format/wire.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/checkpoint/checkpoint.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::agent::input {

/// Generations asked for at once, from the checkpoint's on.
inline constexpr uint32_t kGenerationsAsked = 4;

/// What the planner may ask of the file.
struct FileWitness {
    uint64_t size_bytes = 0;
    /// XXH3-64 of the at most 256 bytes before `offset`; nothing when the file is shorter.
    std::function<std::optional<uint64_t>(uint64_t offset)> tail_hash_at;
    /// False when the file's first bytes are not those the checkpoint saw.
    bool prefix_fits = true;
};

struct ResumeQuestion {
    SourceKey first;  ///< source and the lowest generation asked for
    FileWitness file;
    /// What this agent remembers of `first`.
    std::optional<checkpoint::LaneCheckpoint> remembered;
    /// The generation after the remembered one is wanted: the file was just seen to be rewritten.
    bool rewritten = false;
    /// Committed positions of generations first.generation, +1, ...; empty: no collector to ask.
    std::vector<pipeline::CommittedLane> committed;
    bool has_store = false;     ///< `committed` is an answer (even if it knows no lane)
    bool same_store = false;    ///< it comes from the store the checkpoint was agreed with
    bool after_fork = false;    ///< the agent id is new: no lane can be known
    bool start_at_end = false;  ///< for a file nobody knows
};

enum class ResumeAction : uint8_t {
    kResume,   ///< read from `offset` in lane `key`
    kAskMore,  ///< every generation asked for is known and none fits: ask for `key` and later ones
    kFork,     ///< the store's bytes are not this file's: a new agent id is needed, then plan again
};

struct ResumePlan {
    ResumeAction action = ResumeAction::kResume;
    SourceKey key;
    uint64_t offset = 0;
    bool lane_start = false;  ///< the first batch says that this lane begins at `offset` on purpose
    bool from_checkpoint = false;  ///< `offset` is the remembered one: its running hash fits
    std::string event;             ///< snake_case, "" for nothing worth telling
    std::string detail;            ///< for people
    uint64_t refill_bytes = 0;
};

ResumePlan plan_resume(const ResumeQuestion& question);

}  // namespace seyir::agent::input

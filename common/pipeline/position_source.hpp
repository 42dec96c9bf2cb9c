// SPDX-License-Identifier: Apache-2.0
// PositionSource: an output that remembers how far each source was stored (the collector output).
// A replayable input asks it where to resume. Inputs without one use their checkpoint alone.
// Spec: docs/format/wire.md, "Resuming".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/record/ids.hpp"
#include "common/record/position.hpp"

namespace seyir::pipeline {

struct CommittedLane {
    SourceKey key;
    bool known = false;      ///< false: the store has never seen this lane
    uint64_t committed = 0;  ///< bytes
    uint64_t tail_hash = 0;  ///< XXH3-64 of the at most 256 bytes before `committed`
};

struct CommittedAnswer {
    StoreId store_id;
    uint32_t restore_generation = 0;
    std::vector<CommittedLane> lanes;  ///< one for each lane asked for, in that order
};

/// What an input concluded from comparing its files with the store's positions.
enum class ForkVerdict {
    kSame,    ///< every lane that could be checked continues the committed bytes
    kForked,  ///< some lane's bytes differ: cloned or rolled-back host, take a new agent id
};

class PositionSource {
  public:
    virtual ~PositionSource() = default;

    using OnAnswer = std::move_only_function<void(Result<CommittedAnswer>)>;
    /// Answers when the collector does (waits for a connection); kCancelled at stop. Thread-safe;
    /// the callback runs on the output's thread.
    virtual void ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) = 0;

    /// A fork was found: changes to a new agent id (persisted before it is used), reconnects, and
    /// reports the event `lane_forked` with `detail` to the collector.
    virtual void fork(std::string detail) = 0;

    /// Tells the collector something the operator should see in `seyir status` (refilled bytes,
    /// bytes that could not be refilled, a rewind). `kind` is a snake_case word.
    virtual void report_event(std::string kind, std::string detail) = 0;

    /// `listener` is called when a new connection finds another store, or the same one gone back in
    /// time (restored from a backup or a snapshot): what was acknowledged may be missing there, so
    /// positions are to be asked for again. Answers to questions from before the call may be the
    /// old store's. Each listener is kept as long as this object; several may be added.
    /// Thread-safe; calls come on the output's thread with no lock held and must not wait.
    virtual void on_store_changed(std::function<void()> listener) = 0;
};

/// An output that can say at once how far sources are safe with it.
class PositionKeeper {
  public:
    virtual ~PositionKeeper() = default;

    /// One for each lane asked for, in that order. Thread-safe; may read the disk.
    virtual Result<std::vector<CommittedLane>> committed(
        TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
    ) const = 0;
};

}  // namespace seyir::pipeline

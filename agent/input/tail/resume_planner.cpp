// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/resume_planner.hpp"

#include <fmt/format.h>

namespace seyir::agent::input {
namespace {

using pipeline::CommittedLane;

/// Do the bytes before `offset` hash to `hash`? Nothing before byte 0 can differ.
bool file_fits(const FileWitness& file, uint64_t offset, uint64_t hash) {
    if (offset == 0) {
        return true;
    }
    return offset <= file.size_bytes && file.tail_hash_at(offset) == hash;
}

ResumePlan resume(SourceKey key, uint64_t offset) {
    ResumePlan plan;
    plan.key = key;
    plan.offset = offset;
    return plan;
}

/// A lane the store does not know, in the generation this agent remembers.
ResumePlan plan_unknown_remembered(const ResumeQuestion& q) {
    const checkpoint::LaneCheckpoint& memory = *q.remembered;
    ResumePlan plan = resume(memory.key, memory.acked_end);
    if (!q.has_store || !q.same_store || q.after_fork) {
        // A new store (or a new agent id) takes over here; what is before went to the old one.
        plan.lane_start = memory.acked_end > 0;
        plan.from_checkpoint = true;
        if (plan.lane_start && q.has_store && !q.after_fork) {
            plan.event = "lane_start";
            plan.detail = fmt::format(
                "this store does not know {}: going on at {}, where another one acknowledged it",
                memory.path,
                plan.offset
            );
        }
        return plan;
    }
    // The store knew this lane and forgot it: it was rolled back behind the lane's first batch.
    plan.offset = memory.start;
    plan.lane_start = memory.start > 0;
    plan.refill_bytes = memory.acked_end - memory.start;
    if (plan.refill_bytes > 0) {
        plan.event = "refill";
        plan.detail = fmt::format(
            "the collector no longer knows {}: sending {} bytes again from {}",
            memory.path,
            plan.refill_bytes,
            plan.offset
        );
    }
    return plan;
}

ResumePlan plan_known(const ResumeQuestion& q, const CommittedLane& lane) {
    const checkpoint::LaneCheckpoint& memory = *q.remembered;
    if (!file_fits(q.file, lane.committed, lane.tail_hash)) {
        ResumePlan plan = resume(memory.key, memory.acked_end);
        plan.action = ResumeAction::kFork;
        plan.detail = fmt::format(
            "{} matches this host's checkpoint at {} but not what the collector stored up to {}",
            memory.path,
            memory.acked_end,
            lane.committed
        );
        return plan;
    }
    ResumePlan plan = resume(memory.key, lane.committed);
    plan.from_checkpoint = lane.committed == memory.acked_end;
    if (lane.committed < memory.acked_end) {
        plan.refill_bytes = memory.acked_end - lane.committed;
        plan.event = "refill";
        plan.detail = fmt::format(
            "the collector was rolled back from {} to {} of {}: sending {} bytes again",
            memory.acked_end,
            lane.committed,
            memory.path,
            plan.refill_bytes
        );
    }
    return plan;
}

/// The file holds other bytes than any lane before `from`: the first later generation that is
/// free, or that the store already has and that fits.
ResumePlan plan_new_generation(const ResumeQuestion& q, size_t from) {
    for (size_t i = from; i < q.committed.size(); ++i) {
        const CommittedLane& lane = q.committed[i];
        if (!lane.known) {
            return resume(lane.key, 0);
        }
        if (file_fits(q.file, lane.committed, lane.tail_hash)) {
            return resume(lane.key, lane.committed);
        }
    }
    ResumePlan plan;
    plan.key = q.first;
    plan.key.generation += static_cast<uint32_t>(q.has_store ? q.committed.size() : from);
    plan.action = q.has_store ? ResumeAction::kAskMore : ResumeAction::kResume;
    return plan;
}

/// No checkpoint: the newest generation the store knows decides.
ResumePlan plan_without_memory(const ResumeQuestion& q) {
    size_t known = 0;
    while (known < q.committed.size() && q.committed[known].known) {
        ++known;
    }
    if (known == 0) {
        ResumePlan plan = resume(q.first, q.start_at_end ? q.file.size_bytes : 0);
        plan.lane_start = plan.offset > 0;
        return plan;
    }
    const CommittedLane& newest = q.committed[known - 1];
    if (file_fits(q.file, newest.committed, newest.tail_hash)) {
        return resume(newest.key, newest.committed);
    }
    return plan_new_generation(q, known);
}

}  // namespace

ResumePlan plan_resume(const ResumeQuestion& q) {
    // Newest first: a generation beyond the remembered one that holds this file's bytes means the
    // checkpoint is older than the store.
    if (q.rewritten) {
        return plan_new_generation(q, 0);
    }
    for (size_t i = q.committed.size(); i-- > (q.remembered ? 1U : 0U);) {
        const CommittedLane& lane = q.committed[i];
        if (lane.known && lane.committed > 0 && file_fits(q.file, lane.committed, lane.tail_hash)) {
            return resume(lane.key, lane.committed);
        }
    }
    if (!q.remembered) {
        return plan_without_memory(q);
    }
    const checkpoint::LaneCheckpoint& memory = *q.remembered;
    const bool known = !q.committed.empty() && q.committed.front().known;
    const bool memory_fits =
        q.file.prefix_fits && file_fits(q.file, memory.acked_end, memory.tail_hash);
    if (memory_fits && memory.acked_end + memory.prefix_bytes > 0) {
        return known ? plan_known(q, q.committed.front()) : plan_unknown_remembered(q);
    }
    // The file was cut or rewritten while nobody looked, or the checkpoint saw nothing of it.
    if (known && q.committed.front().committed > 0 &&
        file_fits(q.file, q.committed.front().committed, q.committed.front().tail_hash)) {
        return resume(q.first, q.committed.front().committed);
    }
    if (memory_fits && (!known || q.committed.front().committed == 0)) {
        return resume(q.first, 0);
    }
    ResumePlan plan = plan_new_generation(q, 1);
    plan.event = "rewritten_while_stopped";
    plan.detail = fmt::format(
        "{} was truncated or rewritten while the agent did not run: reading its new content",
        memory.path
    );
    return plan;
}

}  // namespace seyir::agent::input

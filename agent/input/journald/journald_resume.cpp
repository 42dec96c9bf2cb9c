// SPDX-License-Identifier: Apache-2.0
// JournaldInput: where to go on: the checkpoint, the collector's positions, the journal itself.
#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "agent/input/journald/journald_inbox.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

Result<std::shared_ptr<JournaldInput::Inbox>> JournaldInput::Inbox::make() {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return errno_error(errno, "making an eventfd");
    }
    return std::shared_ptr<Inbox>(new Inbox(fd));
}

JournaldInput::Inbox::~Inbox() {
    ::close(fd_);
}

void JournaldInput::Inbox::wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd_, &one, sizeof one);
}

void JournaldInput::Inbox::put_ack(Ack ack) {
    const std::lock_guard lock(mutex_);
    content_.acks.push_back(ack);
    wake();
}

void JournaldInput::Inbox::put_answer(uint64_t ask_id, Result<pipeline::CommittedAnswer> answer) {
    const std::lock_guard lock(mutex_);
    content_.answers.emplace_back(ask_id, std::move(answer));
    wake();
}

void JournaldInput::Inbox::put_store_changed() {
    const std::lock_guard lock(mutex_);
    content_.store_changed = true;
    wake();
}

JournaldInput::Inbox::Content JournaldInput::Inbox::take() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(content_, {});
}

void JournaldInput::load_checkpoint() {
    forks_ = deps_.checkpoints.forks();
    const auto loaded = deps_.checkpoints.loaded(setup_.id);
    if (!loaded) {
        return;
    }
    first_run_ = false;
    for (const checkpoint::LaneCheckpoint& saved : loaded->lanes) {
        // `path` is the cursor of the entry before acked_end.
        const auto cursor = parse_cursor(saved.path);
        if (!cursor) {
            continue;
        }
        JournalLane lane;
        lane.key = saved.key;
        lane.acked = {saved.acked_end, saved.tail_hash, saved.path};
        lanes_.emplace(std::string(cursor->numbering), std::move(lane));
    }
}

void JournaldInput::save_checkpoint() {
    checkpoint::InputCheckpoint part{
        .input = setup_.id, .store_id = store_id_, .restore_generation = restore_generation_
    };
    for (const auto& [numbering, lane] : lanes_) {
        if (lane.acked.cursor.empty()) {
            continue;
        }
        checkpoint::LaneCheckpoint saved;
        saved.key = lane.key;
        saved.path = lane.acked.cursor;
        saved.acked_end = lane.acked.end;
        saved.tail_hash = lane.acked.hash;
        saved.store_id = store_id_;
        saved.seen = deps_.clock.wall_now();
        part.lanes.push_back(std::move(saved));
    }
    deps_.checkpoints.update(std::move(part));
}

void JournaldInput::ask() {
    phase_ = Phase::kAsking;
    ++ask_id_;
    std::vector<SourceKey> keys;
    for (const auto& [numbering, lane] : lanes_) {
        keys.push_back(lane.key);
    }
    if (deps_.positions == nullptr || keys.empty()) {
        pipeline::CommittedAnswer nobody{.store_id = store_id_};
        for (const SourceKey& key : keys) {
            nobody.lanes.push_back({.key = key});
        }
        inbox_->put_answer(ask_id_, std::move(nobody));
        return;
    }
    deps_.positions->ask_committed(
        std::move(keys),
        [inbox = inbox_, id = ask_id_](Result<pipeline::CommittedAnswer> answer) {
            inbox->put_answer(id, std::move(answer));
        }
    );
}

Result<void> JournaldInput::on_answer(const pipeline::CommittedAnswer& answer) {
    if (answer.lanes.size() != lanes_.size() || journal_ == nullptr) {
        return fail(ErrorCode::kCancelled, "the collector was asked about other lanes");
    }
    store_id_ = answer.store_id;
    restore_generation_ = answer.restore_generation;
    size_t i = 0;
    for (auto& [numbering, lane] : lanes_) {
        SEYIR_CHECK(settle_lane(numbering, lane, answer.lanes[i++]));
        if (phase_ != Phase::kAsking) {
            return {};  // a fork: asked again under the new id
        }
    }
    SEYIR_CHECK(seek());
    phase_ = Phase::kReading;
    at_end_ = false;
    return {};
}

/// Decides where the lane goes on, and checks that the collector's last entry is ours.
Result<void> JournaldInput::settle_lane(
    const std::string& numbering, JournalLane& lane, const pipeline::CommittedLane& committed
) {
    lane.is_known = true;
    lane.batch = 0;
    lane.lane_start = false;
    if (!committed.known) {
        // A new store, or none asked: from what this agent remembers.
        lane.lane_start = lane.acked.end > 0;
        lane.read_end = lane.acked.end;
        lane.submitted = lane.acked;
        return {};
    }
    lane.read_end = committed.committed;
    lane.submitted = {committed.committed, committed.tail_hash, ""};
    if (committed.committed == 0) {
        return {};
    }
    SEYIR_CHECK(journal_->seek(cursor_of(numbering, committed.committed - 1)));
    SEYIR_TRY(const bool is_there, journal_->next());
    const std::string text = is_there ? journal_->cursor().value_or("") : "";
    const auto cursor = parse_cursor(text);
    const bool is_same_number =
        cursor && cursor->numbering == numbering && cursor->number + 1 == committed.committed;
    if (is_same_number && cursor_hash(text) != committed.tail_hash) {
        fork(fmt::format(
            "entry {} of journal {} is another one here than at the collector",
            cursor->number,
            numbering
        ));
        return {};
    }
    if (is_same_number) {
        lane.submitted.cursor = text;
        lane.acked = lane.submitted;
        return {};
    }
    if (lane.acked.end == committed.committed) {
        lane.submitted.cursor = lane.acked.cursor;  // vacuumed since; it was ours
    } else if (committed.committed < lane.acked.end && deps_.positions != nullptr) {
        deps_.positions->report_event(
            "journal_not_refilled",
            fmt::format(
                "the collector has journal {} up to entry {}; what followed is not in the journal "
                "any more",
                numbering,
                committed.committed - 1
            )
        );
    }
    return {};
}

/// To the first entry that some lane wants; those that do not are passed over by number.
Result<void> JournaldInput::seek() {
    has_stood_ = false;
    std::optional<uint64_t> earliest_us;
    size_t placed = 0;
    for (const auto& [numbering, lane] : lanes_) {
        if (lane.read_end == 0) {
            continue;
        }
        SEYIR_CHECK(journal_->seek(cursor_of(numbering, lane.read_end - 1)));
        SEYIR_TRY(const bool is_there, journal_->next());
        if (is_there) {
            SEYIR_TRY(const uint64_t us, journal_->realtime_us());
            earliest_us = std::min(earliest_us.value_or(us), us);
        }
        ++placed;
    }
    if (lanes_.empty() && first_run_ && setup_.from_end && !was_empty_) {
        SEYIR_CHECK(journal_->seek_tail());
        SEYIR_TRY(const bool moved, journal_->previous());
        return moved ? Result<void>() : journal_->seek_head();
    }
    if (placed != lanes_.size() || lanes_.empty()) {
        return journal_->seek_head();
    }
    if (lanes_.size() == 1) {
        const auto& [numbering, lane] = *lanes_.begin();
        SEYIR_CHECK(journal_->seek(cursor_of(numbering, lane.read_end - 1)));
        SEYIR_TRY(has_stood_, journal_->next());
        return {};
    }
    return earliest_us ? journal_->seek_realtime(*earliest_us) : journal_->seek_tail();
}

void JournaldInput::fork(const std::string& detail) {
    forks_counter_.add();
    log::warn("journald", "fork: taking a new agent id", {{"input", setup_.id}, {"why", detail}});
    // The checkpoint first, as tail does: no lane may seem agreed with the store under the new id.
    deps_.checkpoints.note_fork();
    forks_ = deps_.checkpoints.forks();
    save_checkpoint();
    if (const auto written = deps_.checkpoints.write_now(); !written) {
        log::error("journald", written.error().message);
    }
    deps_.positions->fork(detail);
    phase_ = Phase::kResume;
    retry_at_ = deps_.clock.steady_now();
}

}  // namespace seyir::agent::input

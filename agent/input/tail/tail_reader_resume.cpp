// SPDX-License-Identifier: Apache-2.0
// TailReader: acknowledgements, questions to the collector, going back, the checkpoint.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

constexpr Nanos kRetryDelayMin = std::chrono::milliseconds(50);
constexpr Nanos kRetryDelayMax = std::chrono::seconds(5);
constexpr auto kAskAgain = std::chrono::seconds(1);
constexpr size_t kAskLanesMax = 1024;
/// Above this a running hash is not made up by reading the file again: copies of the file are then
/// not told from new files.
constexpr uint64_t kRehashBytesMax = 64ULL << 20;
constexpr size_t kRehashReadBytes = 256 * 1024;
constexpr auto kMemoryKept = std::chrono::hours(24 * 7);
/// A copy that was held until the collector answered is looked at again within this time.
constexpr auto kCopySettles = std::chrono::seconds(5);

bool has_lane(const TailFile& file) {
    return file.state == FileState::kActive || file.state == FileState::kRewind ||
           file.state == FileState::kOrphan ||
           (file.state == FileState::kIgnored && (file.acked.offset > 0 || file.covered_end > 0));
}

}  // namespace

void TailReader::take_inbox() {
    const bool store_changed = inbox_->take(acks_, answers_);
    active_ = active_ || store_changed || !acks_.empty() || !answers_.empty();
    for (const TailInbox::Ack& ack : acks_) {
        on_ack(ack);
    }
    if (finished_) {
        return;  // nobody reads on, the next run asks again, and the collector output may be gone
    }
    for (TailInbox::Answer& answer : answers_) {
        on_answer(answer);
    }
    // After the answers: these may still be of the store as it was before.
    if (store_changed) {
        recheck_all();
    }
}

void TailReader::on_ack(const TailInbox::Ack& ack) {
    const auto node = batches_.extract(ack.batch_id);
    if (node.empty()) {
        return;
    }
    const DeliveryReport& report = ack.report;
    in_flight_bytes_ -= node.mapped().memory_bytes;
    counters_.in_flight_bytes.set(static_cast<double>(in_flight_bytes_));
    const bool settled = report.outcome < Outcome::kRetry;
    if (settled) {
        retry_delay_ = Nanos(0);
    } else {
        counters_.retries.add();
        retry_delay_ = std::clamp(retry_delay_ * 2, kRetryDelayMin, kRetryDelayMax);
        retry_at_ = report.outcome == Outcome::kRewind ? now_ : now_ + retry_delay_;
    }
    for (TailFile* file : node.mapped().lanes) {
        const auto segment = std::ranges::find(file->in_flight, ack.batch_id, &Segment::batch_id);
        const auto verdict = std::ranges::find(report.lanes, file->key, &LaneVerdict::key);
        const bool has_verdict = verdict != report.lanes.end();
        // A lane the report does not name shares its batch's fate: sending it again is safe, since
        // the store knows what it has.
        const bool done = settled || (report.outcome == Outcome::kRewind && has_verdict &&
                                      verdict->kind == LaneVerdict::Kind::kDuplicate);
        if (segment == file->in_flight.end()) {
            continue;
        }
        segment->state = done ? Segment::State::kDone : Segment::State::kFailed;
        if (!done) {
            if (has_verdict && report.outcome == Outcome::kRewind) {
                file->verdict = *verdict;
            }
            if (file->state == FileState::kActive) {
                file->state = FileState::kRewind;
            }
        }
        advance(*file);
    }
}

void TailReader::advance(TailFile& file) {
    size_t done = 0;
    while (done < file.in_flight.size() && file.in_flight[done].state == Segment::State::kDone) {
        ++done;
    }
    if (done > 0) {
        file.acked = file.in_flight[done - 1].end;
        file.in_flight.erase(
            file.in_flight.begin(), file.in_flight.begin() + static_cast<ptrdiff_t>(done)
        );
        dirty_ = true;
    }
    const bool pending = std::ranges::any_of(file.in_flight, [](const Segment& segment) {
        return segment.state == Segment::State::kPending;
    });
    const bool in_batch = !builder_.empty() && file.origin_batch == builder_.id();
    if (file.state == FileState::kRewind && !pending) {
        if (in_batch) {
            flush();  // its lines go out once more and come back; then nothing is under way
            return;
        }
        if (!file.in_flight.empty()) {  // unread again, and no younger for it
            file.unread_since = file.in_flight.front().since;
            file.unread_to = file.read_end;
        }
        file.in_flight.clear();
        if (std::ranges::find(rewinding_, &file) == rewinding_.end()) {
            rewinding_.push_back(&file);
        }
    } else if (file.state != FileState::kRewind && !pending) {
        file.in_flight.clear();  // an orphan whose lines came back: see give_up()
    }
}

void TailReader::rewind(TailFile& file) {
    if (file.released) {
        file.state = FileState::kIgnored;
        return;
    }
    if (file.recheck && !recheck(file)) {
        return;
    }
    if (file.acked.offset > 0 && ensure_open(file)) {
        const Content content = content_at(file, file.acked.offset, file.acked.tail_hash);
        if (content == Content::kUnreadable) {
            retry_at_ = now_ + kAskAgain;
            rewinding_.push_back(&file);
            return;
        }
        if (content == Content::kOther) {
            file.verdict.reset();
            on_rewritten(file, "truncated or rewritten before its lines were taken");
            return;
        }
    }
    counters_.rewinds.add(file.verdict ? 1 : 0);
    const auto verdict = std::exchange(file.verdict, std::nullopt);
    const bool must_ask = file.after_fork || std::exchange(file.recheck, false);
    if (!verdict && !must_ask) {
        go_back(file, file.acked.offset, &file.acked);
        return;
    }
    const bool joins = verdict && verdict->committed >= file.acked.offset && verdict->committed > 0;
    if (!must_ask && joins && tail_hash_at(file, verdict->committed) == verdict->tail_hash) {
        go_back(file, verdict->committed, nullptr);
        return;
    }
    if (deps_.positions == nullptr) {
        // No one to ask: go on where this agent knows its bytes were taken.
        file.lane_start_next = true;
        go_back(file, file.acked.offset, &file.acked);
        return;
    }
    file.memory = to_checkpoint(file, deps_.clock.wall_now());
    file.state = FileState::kToAsk;
    to_ask_.push_back(&file);
}

void TailReader::recheck_all() {
    for (TailFile& file : files_) {
        const bool is_read = file.state == FileState::kActive || file.state == FileState::kRewind;
        ask_orphan_again(file);
        if (file.released || !is_read) {
            continue;  // not asked yet, asked of the new store, or nothing left to send
        }
        file.recheck = true;
        file.state = FileState::kRewind;
        advance(file);
    }
}

void TailReader::ask_orphan_again(TailFile& file) {
    if (!file.released && file.from_memory && file.state == FileState::kOrphan) {
        file.stored.reset();
        file.state = FileState::kToAsk;
        to_ask_.push_back(&file);
    }
}

bool TailReader::recheck(TailFile& file) {
    if (file.state == FileState::kActive) {
        file.state = FileState::kRewind;  // a copy of it turned up while it waited
        advance(file);
        return false;
    }
    if (file.state != FileState::kRewind) {
        file.recheck = false;  // asked about anyway, or its bytes are gone
        return false;
    }
    if (!ensure_open(file)) {
        // Only the file's bytes tell what the store's position means: when it can be read again.
        retry_at_ = now_ + kAskAgain;
        rewinding_.push_back(&file);
        return false;
    }
    return true;
}

void TailReader::go_back(TailFile& file, uint64_t offset, const Mark* mark) {
    if (seek(file, offset, mark)) {
        file.state = FileState::kActive;
    } else if (!file.released) {
        // Cannot be read just now: the lane stays where it is until it can.
        retry_at_ = now_ + kAskAgain;
        rewinding_.push_back(&file);
    }
}

void TailReader::ask_due() {
    if (to_ask_.empty() || now_ < ask_at_ || finished_) {
        return;
    }
    std::vector<TailFile*> files = std::exchange(to_ask_, {});
    if (deps_.positions == nullptr) {
        for (TailFile* file : files) {
            plan(*file, file->key, StoreId{}, {});
        }
        return;
    }
    for (size_t begin = 0; begin < files.size(); begin += kAskLanesMax) {
        Ask ask{next_ask_++, forks_, {}};
        std::vector<SourceKey> keys;
        for (size_t i = begin; i < std::min(files.size(), begin + kAskLanesMax); ++i) {
            TailFile& file = *files[i];
            file.state = FileState::kAsking;
            ask.lanes.emplace_back(&file, file.key);
            for (uint32_t generation = 0; generation < kGenerationsAsked; ++generation) {
                keys.push_back({file.key.source, file.key.generation + generation});
            }
        }
        const uint64_t id = ask.id;
        asks_.push_back(std::move(ask));
        deps_.positions->ask_committed(
            std::move(keys),
            [inbox = inbox_, id](Result<pipeline::CommittedAnswer> answer) {
                inbox->put(TailInbox::Answer{id, std::move(answer)});
            }
        );
    }
}

void TailReader::on_answer(TailInbox::Answer& answer) {
    const auto at = std::ranges::find(asks_, answer.ask_id, &Ask::id);
    if (at == asks_.end()) {
        return;
    }
    const Ask ask = std::move(*at);
    asks_.erase(at);
    const bool usable = answer.answer && ask.forks == forks_ &&
                        answer.answer->lanes.size() == ask.lanes.size() * kGenerationsAsked;
    if (!answer.answer) {
        ask_at_ = now_ + kAskAgain;
    }
    for (size_t i = 0; i < ask.lanes.size(); ++i) {
        TailFile& file = *ask.lanes[i].first;
        if (file.released) {
            file.state = FileState::kIgnored;
            released_any_ = true;
            continue;
        }
        if (!usable || ask.forks != forks_) {
            file.state = FileState::kToAsk;
            to_ask_.push_back(&file);
            continue;
        }
        const auto first =
            answer.answer->lanes.begin() + static_cast<ptrdiff_t>(i * kGenerationsAsked);
        std::vector committed(first, first + kGenerationsAsked);
        if (answer.answer->store_id.is_zero()) {
            committed.clear();  // nothing behind that collector keeps positions
        }
        plan(file, ask.lanes[i].second, answer.answer->store_id, std::move(committed));
    }
    if (usable && ask.forks == forks_) {
        agree_with(answer.answer->store_id, answer.answer->restore_generation);
    }
}

void TailReader::agree_with(StoreId store, uint32_t restore_generation) {
    if (store != store_id_ || restore_generation != restore_generation_) {
        store_id_ = store;
        restore_generation_ = restore_generation;
        dirty_ = true;
    }
}

void TailReader::plan(
    TailFile& file, SourceKey first, StoreId store, std::vector<pipeline::CommittedLane> committed
) {
    if (file.from_memory) {
        plan_orphan(file, committed);
        return;
    }
    // Unread it would look rewritten, and be sent again whole: ask again when it can be read.
    const auto ask_again = [&] {
        file.state = FileState::kToAsk;
        ask_at_ = now_ + kAskAgain;
        to_ask_.push_back(&file);
    };
    ResumeQuestion question;
    const uint64_t failed_before = failed_reads_;
    const bool readable = !file.path.empty() && ensure_open(file);
    if (!readable && !file.released && !file.detached) {
        ask_again();
        return;
    }
    if (readable) {
        if (const auto info = file.handle->info()) {
            file.size_bytes = info->size_bytes;
        }
    }
    question.first = first;
    question.file.size_bytes = file.size_bytes;
    question.file.tail_hash_at = [&](uint64_t offset) { return tail_hash_at(file, offset); };
    if (file.memory) {
        const PrefixHash remembered{file.memory->prefix_bytes, file.memory->prefix_hash};
        question.file.prefix_fits = remembered.fits(first_bytes_of(file));
    }
    question.remembered = file.memory;
    question.rewritten = file.rewritten;
    question.has_store = deps_.positions != nullptr && !committed.empty();
    question.same_store = file.memory && file.memory->store_id == store && !store.is_zero();
    question.after_fork = file.after_fork;
    question.start_at_end = first_run_ && file.found_first && options_.start_at == StartAt::kEnd;
    question.committed = std::move(committed);
    if (file.memory && file.key.source != source_id_of(file.id) && !question.committed.empty()) {
        // A copy that a lane went on in: later generations of that source are of the original.
        question.committed.resize(1);
    }
    const ResumePlan plan = plan_resume(question);
    if (failed_reads_ != failed_before) {
        ask_again();
        return;
    }
    file.store_id = store;
    if (file.memory && plan.action != ResumeAction::kFork && plan.key != file.memory->key) {
        if (!plan.event.empty()) {
            report(plan.event, plan.detail);
        }
        const bool is_moved = question.committed.size() == 1;
        leave_lane(file, question.committed.empty() ? nullptr : question.committed.data());
        if (is_moved) {
            file.key = {source_id_of(file.id), 0};
            file.rewritten = false;
            file.state = FileState::kToAsk;
            to_ask_.push_back(&file);
            return;
        }
        ResumePlan rest = plan;
        rest.event.clear();
        apply(file, rest);
        return;
    }
    apply(file, plan);
}

void TailReader::plan_orphan(
    TailFile& file, const std::vector<pipeline::CommittedLane>& committed
) {
    const bool is_known = !committed.empty() && committed.front().known &&
                          committed.front().committed > 0 && !file.after_fork;
    file.stored = is_known ? std::optional(committed.front()) : std::nullopt;
    file.state = FileState::kOrphan;
    file.changed_at = now_;
    missing_due_ = std::max(missing_due_, now_ + kCopySettles);
    if (file.acked.offset == 0 && !is_known) {
        release(file);  // nothing of it was ever taken
    }
}

void TailReader::apply(TailFile& file, const ResumePlan& plan) {
    if (!plan.event.empty()) {
        report(plan.event, plan.detail);
    }
    counters_.refilled_bytes.add(plan.refill_bytes);
    if (plan.action == ResumeAction::kFork) {
        fork(plan.detail);
        file.state = FileState::kToAsk;
        to_ask_.push_back(&file);
        return;
    }
    file.key = plan.key;
    if (plan.action == ResumeAction::kAskMore) {
        file.state = FileState::kToAsk;
        to_ask_.push_back(&file);
        return;
    }
    Mark remembered;
    const bool keeps = plan.from_checkpoint && file.memory;
    if (file.memory) {
        file.last_ts = std::max(file.last_ts, file.memory->last_ts);
        file.start = file.memory->start;
        remembered.offset = file.memory->acked_end;
        remembered.tail_hash = file.memory->tail_hash;
        remembered.consumed_valid =
            file.memory->has_consumed &&
            RunningHash::restore(file.memory->consumed_state, remembered.consumed);
    }
    if (!seek(file, plan.offset, keeps ? &remembered : nullptr)) {
        // Cannot be read just now: plan again when it can.
        file.state = FileState::kToAsk;
        ask_at_ = now_ + kAskAgain;
        to_ask_.push_back(&file);
        return;
    }
    file.start = plan.offset == 0 ? 0 : plan.lane_start ? plan.offset : file.start;
    file.lane_start_next = plan.lane_start;
    file.memory.reset();
    file.rewritten = false;
    file.after_fork = false;
    unlist_original(file);
    file.state = FileState::kActive;
    enqueue(file);
    dirty_ = true;
}

void TailReader::fork(const std::string& detail) {
    counters_.forks.add();
    log::warn("tail", "fork: taking a new agent id", {{"input", options_.id}, {"why", detail}});
    // The checkpoint first: after a crash between the two no lane may seem to have been agreed with
    // this store, or it would be sent again from its beginning under the new id.
    deps_.checkpoints.note_fork();
    follow_fork();
    save_checkpoint();
    if (const auto written = deps_.checkpoints.write_now(); !written) {
        log::error("tail", written.error().message);
    }
    deps_.positions->fork(detail);
}

void TailReader::follow_fork() {
    // No lane of the new id is known: all go on from what this agent remembers.
    forks_ = deps_.checkpoints.forks();
    dirty_ = true;
    for (checkpoint::LaneCheckpoint& lane : memory_) {
        lane.store_id = {};
    }
    for (TailFile& file : files_) {
        file.store_id = {};
        if (file.memory) {
            file.memory->store_id = {};
        }
        if (file.released) {
            continue;
        }
        file.after_fork = true;
        ask_orphan_again(file);
        if (file.state == FileState::kActive) {
            file.state = FileState::kRewind;
            advance(file);
        }
    }
}

bool TailReader::seek(TailFile& file, uint64_t offset, const Mark* mark) {
    const auto before = bytes_before(file, offset);
    if (!before || before->size() < std::min<uint64_t>(offset, kTailHashBytes)) {
        if (!file.handle || (before && file.detached)) {
            give_up(file, "its bytes are gone");
            file.state = FileState::kIgnored;
        }
        return false;
    }
    if (mark != nullptr && mark->offset == offset) {
        file.consumed = mark->consumed;
        file.consumed_valid = mark->consumed_valid;
    } else {
        rehash(file, offset);
    }
    file.tail.assign(*before);
    file.read_end = file.scanned_end = file.submitted_end = offset;
    file.acked = file.mark();
    file.cutting_over_long = false;
    if (offset > 0) {
        forget_banner(file);
        remember_banner(file);
    }
    extend_prefix(file);
    enqueue(file);
    return true;
}

void TailReader::rehash(TailFile& file, uint64_t offset) {
    file.consumed = RunningHash();
    file.consumed_valid = offset <= kRehashBytesMax;
    if (offset == 0 || !file.consumed_valid) {
        return;
    }
    std::string buffer(std::min<uint64_t>(kRehashReadBytes, offset), '\0');
    while (file.consumed_valid && file.consumed.length() < offset) {
        const size_t want = std::min<uint64_t>(buffer.size(), offset - file.consumed.length());
        const auto got = file.handle->read_at(file.consumed.length(), {buffer.data(), want});
        file.consumed_valid = got && *got > 0;
        if (file.consumed_valid) {
            file.consumed.update({buffer.data(), *got});
        }
    }
}

Result<std::string> TailReader::bytes_before(TailFile& file, uint64_t offset) {
    const uint64_t size = std::min<uint64_t>(offset, kTailHashBytes);
    std::string bytes(size, '\0');
    if (size == 0) {
        return bytes;
    }
    if (!ensure_open(file)) {
        return fail(ErrorCode::kIo, "it cannot be opened");  // ensure_open() named the reason
    }
    const auto got = file.handle->read_at(offset - size, bytes);
    if (!got) {
        note_unreadable(file, got.error());
        return got.error();
    }
    note_readable(file);
    bytes.resize(*got);
    return bytes;
}

void TailReader::note_unreadable(const TailFile& file, const Error& error) {
    ++failed_reads_;
    complain(file, error);
}

void TailReader::note_readable(const TailFile& file) {
    if (!complaints_.empty()) [[unlikely]] {
        complaints_.erase(file.path);
    }
}

std::string TailReader::first_bytes_of(TailFile& file) {
    std::string bytes(PrefixHash::kBytesMax, '\0');
    if (!ensure_open(file)) {
        return {};
    }
    const auto got = file.handle->read_at(0, bytes);
    if (!got) {
        note_unreadable(file, got.error());
    }
    bytes.resize(got ? *got : 0);
    return bytes;
}

void TailReader::extend_prefix(TailFile& file) {
    if (file.prefix.length < PrefixHash::kBytesMax) {
        const std::string first_bytes = first_bytes_of(file);
        if (!first_bytes.empty()) {
            file.prefix = PrefixHash::of(first_bytes);
            file.banner = file.banner != 0 ? file.banner : banner_of(first_bytes);
        }
    }
}

std::optional<uint64_t> TailReader::tail_hash_at(TailFile& file, uint64_t offset) {
    const auto before = bytes_before(file, offset);
    if (!before || before->size() < std::min<uint64_t>(offset, kTailHashBytes)) {
        return std::nullopt;
    }
    return tail_hash_of(*before);
}

TailReader::Content TailReader::content_at(TailFile& file, uint64_t offset, uint64_t tail_hash) {
    const auto before = bytes_before(file, offset);
    if (!before) {
        return Content::kUnreadable;
    }
    const bool is_whole = before->size() == std::min<uint64_t>(offset, kTailHashBytes);
    return is_whole && tail_hash_of(*before) == tail_hash ? Content::kSame : Content::kOther;
}

void TailReader::report(std::string kind, std::string detail) {
    log::warn("tail", detail, {{"input", options_.id}, {"event", kind}});
    if (deps_.positions != nullptr && !finished_) {
        deps_.positions->report_event(std::move(kind), std::move(detail));
    }
}

void TailReader::save_checkpoint() {
    const UnixNanos wall = deps_.clock.wall_now();
    checkpoint::InputCheckpoint part;
    part.input = options_.id;
    part.store_id = store_id_;
    part.restore_generation = restore_generation_;
    std::erase_if(memory_, [&](const auto& lane) { return lane.seen < wall - kMemoryKept; });
    part.lanes = memory_;
    for (TailFile& file : files_) {
        if (file.released || file.from_memory) {
            continue;
        }
        if (file.memory) {
            part.lanes.push_back(*file.memory);
            continue;
        }
        if (!has_lane(file)) {
            continue;
        }
        part.lanes.push_back(to_checkpoint(file, wall));
        if (file.state == FileState::kOrphan) {
            part.lanes.back().inode = 0;  // its file belongs to the next generation now
        }
    }
    deps_.checkpoints.update(std::move(part));
    dirty_ = false;
    next_checkpoint_ = now_ + std::chrono::seconds(1);
}

void TailReader::save_now() {
    save_checkpoint();
    if (const auto written = deps_.checkpoints.write_now(); !written) {
        save_again_at_ = now_ + kAskAgain;  // CheckpointStore::trouble() says why
        return;
    }
    for (TailFile& file : files_) {
        file.saved = file.saved || has_lane(file);
    }
}

void TailReader::save_new_lanes(const std::vector<TailFile*>& lanes) {
    // A store that has bytes of a lane this agent knows nothing of after a kill could not be asked
    // about it: the lane of a file that was then copied and cut, or replaced. So the lane's name
    // and what identifies its file are on disk before its first byte leaves.
    const auto is_new = [](const TailFile* file) { return !file->saved; };
    if (deps_.positions != nullptr && now_ >= save_again_at_ &&
        std::ranges::any_of(lanes, is_new)) {
        save_now();
    }
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// The frame of TailReader: what is due when, batches out, status.
#include "agent/input/tail/tail_reader.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

constexpr auto kTrimAfter = std::chrono::seconds(2);
constexpr Nanos kWaitMax = std::chrono::seconds(1);

std::string name(const char* rest) {
    return std::string("seyir_agent_tail_") + rest;
}

}  // namespace

TailCounters::TailCounters(metrics::Registry& r, const std::string& input)
    : files(r.gauge(name("files"), "Files known.", {{"input", input}})),
      open_files(r.gauge(name("open_files"), "Files held open.", {{"input", input}})),
      ignored_files(
          r.gauge(name("ignored_files"), "Files left out by ignore_older.", {{"input", input}})
      ),
      files_beyond_max(r.gauge(
          name("files_beyond_max"), "Files not read because of max_files.", {{"input", input}}
      )),
      lag_bytes(r.gauge(
          name("lag_bytes"), "Bytes in the files that are not acknowledged.", {{"input", input}}
      )),
      lag_seconds(r.gauge(
          name("lag_seconds"), "Age of the oldest byte not acknowledged.", {{"input", input}}
      )),
      in_flight_bytes(
          r.gauge(name("in_flight_bytes"), "Memory of batches not answered.", {{"input", input}})
      ),
      read_bytes(r.counter(name("read_bytes_total"), "Bytes handed on.", {{"input", input}})),
      lines(r.counter(name("lines_total"), "Lines handed on.", {{"input", input}})),
      over_long_lines(r.counter(
          name("over_long_lines_total"), "Lines longer than max_line_bytes.", {{"input", input}}
      )),
      left_out_bytes(r.counter(
          name("left_out_bytes_total"), "Bytes of over-long lines left out.", {{"input", input}}
      )),
      cut_groups(r.counter(
          name("multiline_cut_total"),
          "Groups of lines that became several records at their bounds.",
          {{"input", input}}
      )),
      quiet_groups(r.counter(
          name("multiline_flushed_total"),
          "Groups of lines sent because nothing followed for flush_timeout.",
          {{"input", input}}
      )),
      truncations(r.counter(
          name("truncations_total"), "Files truncated or rewritten in place.", {{"input", input}}
      )),
      rotations(r.counter(name("rotations_total"), "Files renamed or removed.", {{"input", input}})
      ),
      copies(r.counter(
          name("copies_total"), "Files known as copies of files already read.", {{"input", input}}
      )),
      ambiguous(r.counter(
          name("ambiguous_total"),
          "Files that may be copies of vanished ones; on_ambiguity decided.",
          {{"input", input}}
      )),
      compressed_files(r.counter(
          name("compressed_files_total"), "Compressed files not read.", {{"input", input}}
      )),
      lost_bytes(r.counter(
          name("lost_bytes_total"), "Bytes gone before they were acknowledged.", {{"input", input}}
      )),
      refilled_bytes(r.counter(
          name("refilled_bytes_total"),
          "Bytes sent again to a rolled-back collector.",
          {{"input", input}}
      )),
      retries(r.counter(name("retries_total"), "Batches to be sent again.", {{"input", input}})),
      rewinds(
          r.counter(name("rewinds_total"), "Lanes sent back by the collector.", {{"input", input}})
      ),
      forks(r.counter(
          name("forks_total"), "Lanes that differ from what the collector has.", {{"input", input}}
      )),
      read_errors(
          r.counter(name("read_errors_total"), "Files that could not be read.", {{"input", input}})
      ) {}

void TailInbox::put(Ack ack) {
    std::function<void()> wake;
    {
        const std::lock_guard lock(mutex_);
        // One wake-up covers all that is there when the reader comes.
        if (acks_.empty()) {
            wake = wake_;
        }
        acks_.push_back(std::move(ack));
        if (wake) {
            wake();
        }
    }
}

void TailInbox::put(Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    if (wake_) {
        wake_();
    }
}

void TailInbox::put_store_changed() {
    const std::lock_guard lock(mutex_);
    store_changed_ = true;
    if (wake_) {
        wake_();
    }
}

bool TailInbox::take(std::vector<Ack>& acks, std::vector<Answer>& answers) {
    acks.clear();
    answers.clear();
    const std::lock_guard lock(mutex_);
    acks_.swap(acks);
    answers_.swap(answers);
    return std::exchange(store_changed_, false);
}

void TailInbox::close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
}

TailReader::TailReader(
    TailOptions options, TailDeps deps, DirectoryWatch* watch, std::function<void()> wake
)
    : options_(std::move(options)),
      deps_(deps),
      claimant_(deps_.claims, {this, options_.id}),
      watch_(watch),
      inbox_(std::make_shared<TailInbox>(std::move(wake))),
      counters_(deps.registry, options_.id),
      walker_(deps.fs),
      builder_(options_.labels, 1) {
    if (deps_.disk != nullptr) {
        disk_share_.emplace(*deps_.disk, 0, options_.deleted_files_bytes_max);
    }
    forks_ = deps_.checkpoints.forks();
    if (auto last = deps_.checkpoints.loaded(options_.id)) {
        store_id_ = last->store_id;
        restore_generation_ = last->restore_generation;
        memory_ = std::move(last->lanes);
        first_run_ = false;
    }
    reserve_remembered();
}

TailReader::~TailReader() {
    inbox_->close();
    claimant_.give_back_all();
}

Result<std::unique_ptr<TailReader>> TailReader::make(
    TailOptions options, TailDeps deps, DirectoryWatch* watch, std::function<void()> wake
) {
    std::unique_ptr<TailReader> reader(
        new TailReader(std::move(options), deps, watch, std::move(wake))
    );
    SEYIR_CHECK(reader->compile_globs());
    if (deps.positions != nullptr) {
        deps.positions->on_store_changed([inbox = reader->inbox_] { inbox->put_store_changed(); });
    }
    return reader;
}

Result<void> TailReader::compile_globs() {
    for (const std::string& pattern : options_.include) {
        SEYIR_TRY(Glob glob, Glob::compile(pattern));
        include_.push_back(std::move(glob));
    }
    for (const std::string& pattern : options_.exclude) {
        SEYIR_TRY(Glob glob, Glob::compile(pattern));
        exclude_.push_back(std::move(glob));
    }
    return {};
}

Nanos TailReader::poll_once() {
    const SteadyTime before = std::exchange(now_, deps_.clock.steady_now());
    if (forks_ != deps_.checkpoints.forks()) {
        follow_fork();
    }
    take_inbox();
    drain_watch();
    if (now_ >= next_scan_) {
        rescan();
    } else if (now_ >= next_upkeep_) {
        upkeep();
    }
    if (now_ >= retry_at_ && !rewinding_.empty()) {
        for (TailFile* file : std::exchange(rewinding_, {})) {
            rewind(*file);
        }
    }
    ask_due();
    refill_rate();
    const uint64_t read_before = counters_.read_bytes.value();
    const bool more = read_some();
    note_pace(counters_.read_bytes.value() - read_before, now_ - before);
    if (now_ >= groups_due_) {
        send_quiet_groups();
    }
    const bool filling = more && budget_left() && rate_left();
    const SteadyTime flush_at = filling
                                    ? batch_began_ + options_.batch_delay
                                    : std::max(batch_began_, last_flush_ + options_.batch_delay);
    if (!builder_.empty() && now_ >= flush_at) {
        flush();
    }
    if (dirty_ && now_ >= next_checkpoint_) {
        save_checkpoint();
    }
    remove_released();
    if (now_ >= last_read_ + kTrimAfter) {
        builder_.trim();
    }
    if (filling) {
        return Nanos(0);
    }
    SteadyTime due = std::min({next_scan_, next_upkeep_, now_ + kWaitMax});
    due = builder_.empty() ? due : std::min(due, flush_at);
    if (more && !rate_left()) {
        const double seconds = (1 - rate_bytes_) / static_cast<double>(options_.rate_bytes_max);
        due =
            std::min(due, now_ + std::chrono::ceil<Nanos>(std::chrono::duration<double>(seconds)));
    }
    due = std::min(due, groups_due_);
    due = dirty_ ? std::min(due, next_checkpoint_) : due;
    due = rewinding_.empty() ? due : std::min(due, retry_at_);
    due = to_ask_.empty() ? due : std::min(due, ask_at_);
    return std::max(Nanos(0), std::chrono::duration_cast<Nanos>(due - now_));
}

void TailReader::note_pace(uint64_t read_bytes, Nanos passed) {
    constexpr double kHurriedBytesPerSecond = 4e6;
    const double seconds = std::chrono::duration<double>(std::min(passed, kCalmGap)).count();
    hurried_ = static_cast<double>(read_bytes) >= kHurriedBytesPerSecond * seconds;
}

void TailReader::refill_rate() {
    const auto rate = static_cast<double>(options_.rate_bytes_max);
    const double passed = std::chrono::duration<double>(now_ - rate_at_).count();
    // At most a tenth of a second's worth is saved up: a limit is no average over an idle night.
    rate_bytes_ = std::min(rate_bytes_ + std::min(passed, 1.0) * rate, rate / 10);
    rate_at_ = now_;
}

bool TailReader::read_some() {
    constexpr size_t kTurnsMax = 64;
    for (size_t turn = 0; turn < kTurnsMax && !ready_.empty() && budget_left() && rate_left();
         ++turn) {
        TailFile& file = *ready_.front();
        ready_.pop_front();
        file.queued = false;
        active_ = true;
        if (file.released || finished_) {
            continue;
        }
        bool more = false;
        if (file.state == FileState::kNew) {
            consider_new(file);
        } else if (file.state == FileState::kActive) {
            const uint64_t before = counters_.read_bytes.value();
            more = read_turn(file);
            rate_bytes_ -= static_cast<double>(counters_.read_bytes.value() - before);
        }
        if (more) {
            enqueue(file);
        }
        if (builder_.raw_bytes() >= options_.batch_raw_bytes || builder_.origin_count() >= 4096) {
            flush();
        }
    }
    ask_due();
    return !ready_.empty();
}

void TailReader::flush() {
    if (builder_.empty()) {
        return;
    }
    BatchBuilder::Built built = builder_.take();
    const size_t memory_bytes = built.batch.memory_bytes();
    for (TailFile* file : built.lanes) {
        const SteadyTime since = file->unread_since.value_or(now_);
        file->in_flight.push_back({built.id, file->mark(), since, Segment::State::kPending});
    }
    counters_.lines.add(built.batch.row_count());
    batches_[built.id] = {memory_bytes, std::move(built.lanes)};
    in_flight_bytes_ += memory_bytes;
    counters_.in_flight_bytes.set(static_cast<double>(in_flight_bytes_));
    last_flush_ = now_;
    save_new_lanes(batches_[built.id].lanes);
    built.batch.set_ack(AckToken([inbox = inbox_, id = built.id](const DeliveryReport& report) {
        inbox->put(TailInbox::Ack{id, report});
    }));
    submit_(std::make_shared<const RecordBatch>(std::move(built.batch)));
}

void TailReader::finish() {
    now_ = deps_.clock.steady_now();
    flush();
    finished_ = true;
    claimant_.give_back_all();
}

void TailReader::settle() {
    now_ = deps_.clock.steady_now();
    take_inbox();
    if (dirty_) {
        save_checkpoint();
    }
}

void TailReader::enqueue(TailFile& file) {
    if (!file.queued && !file.released) {
        file.queued = true;
        ready_.push_back(&file);
    }
}

void TailReader::remove_released() {
    if (!released_any_) {
        return;
    }
    released_any_ = false;
    for (auto at = files_.begin(); at != files_.end();) {
        const bool waits = at->state == FileState::kToAsk || at->state == FileState::kAsking ||
                           at->state == FileState::kRewind;
        const bool in_batch = !builder_.empty() && at->origin_batch == builder_.id();
        if (at->released && at->settled() && !at->queued && !waits && !in_batch) {
            by_number_.erase(at->number);
            at = files_.erase(at);
            continue;
        }
        released_any_ = released_any_ || at->released;
        ++at;
    }
}

void TailReader::refresh_status() {
    TailStatus status;
    SteadyTime oldest = now_;
    unsettled_ = !missing_.empty() || !rewinding_.empty() || !to_ask_.empty() || !batches_.empty();
    for (TailFile& file : files_) {
        if (file.released || file.state == FileState::kIgnored) {
            status.ignored_files += !file.released && file.left_out == LeftOut::kTooOld ? 1 : 0;
            continue;
        }
        const bool known = file.state == FileState::kNew || file.state == FileState::kActive;
        unsettled_ = unsettled_ || !known || file.detached || !file.suspicions.empty() ||
                     file.read_end < file.size_bytes;
        status.files += file.from_memory ? 0 : 1;
        const bool waits = file.state == FileState::kToAsk || file.state == FileState::kAsking;
        status.waiting_for_answer += waits ? 1 : 0;
        const uint64_t end = std::max(file.size_bytes, file.read_end);
        status.lag_bytes += end > file.acked.offset ? end - file.acked.offset : 0;
        if (!file.in_flight.empty()) {
            oldest = std::min(oldest, file.in_flight.front().since);
        }
        note_unread(file);
        oldest = std::min(oldest, file.unread_since.value_or(now_));
    }
    status.open_files = open_.size();
    status.scans = scan_;
    status.lag_seconds = std::chrono::duration<double>(now_ - oldest).count();
    status.in_flight_bytes = in_flight_bytes_;
    for (const auto& [path, message] : complaints_) {
        status.complaints.push_back(message);
    }
    const auto& walked = walker_.complaints();
    status.complaints.insert(status.complaints.end(), walked.begin(), walked.end());
    counters_.files.set(static_cast<double>(status.files));
    counters_.ignored_files.set(static_cast<double>(status.ignored_files));
    counters_.files_beyond_max.set(static_cast<double>(walker_.refused_count()));
    counters_.open_files.set(static_cast<double>(status.open_files));
    counters_.lag_bytes.set(static_cast<double>(status.lag_bytes));
    counters_.lag_seconds.set(status.lag_seconds);
    const std::lock_guard lock(status_mutex_);
    status_ = std::move(status);
}

void TailReader::note_unread(TailFile& file) {
    // A lane that is not read, or waits to go back, goes on where its lines were taken.
    const uint64_t read = file.state == FileState::kActive ? file.read_end : file.acked.offset;
    if (read >= file.size_bytes) {
        file.unread_since.reset();
    } else if (!file.unread_since || read >= file.unread_to) {
        file.unread_since = now_;
        file.unread_to = file.size_bytes;
    }
}

TailStatus TailReader::status() const {
    const std::lock_guard lock(status_mutex_);
    return status_;
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journald_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "agent/input/journald/journal_files.hpp"
#include "agent/input/journald/journald_inbox.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLanesMax = 64;
constexpr Nanos kLookAgain = 1s;
constexpr Nanos kAfterTrouble = 5s;
constexpr Nanos kLookAtFiles = 60s;
constexpr size_t kEntriesATurn = 512;

metrics::Counter& counter(
    metrics::Registry& registry, const std::string& id, const char* what, const char* help
) {
    return registry.counter(std::string("seyir_journald_") + what, help, {{"input", id}});
}

}  // namespace

JournaldInput::JournaldInput(JournaldSetup setup, JournaldDeps deps)
    : setup_(std::move(setup)),
      deps_(deps),
      entries_(counter(deps.registry, setup_.id, "entries_total", "Entries handed on.")),
      rewinds_(counter(
          deps.registry, setup_.id, "rewinds_total", "Times reading went back to what was stored."
      )),
      forks_counter_(
          counter(deps.registry, setup_.id, "forks_total", "Times the collector had other entries.")
      ),
      cut_(counter(deps.registry, setup_.id, "cut_messages_total", "Messages beyond 1 MiB, cut.")),
      lag_seconds_(deps.registry.gauge(
          "seyir_journald_lag_seconds",
          "Age of the entry read last; 0 at the end of the journal.",
          {{"input", setup_.id}}
      )),
      rows_(setup_.labels, setup_.has_service_name) {}

JournaldInput::~JournaldInput() {
    stop();
    if (inbox_ != nullptr) {
        take_inbox();  // what was answered since goes to the checkpoint
    }
}

Result<void> JournaldInput::start(pipeline::Submit submit) {
    SEYIR_TRY(inbox_, Inbox::make());
    submit_ = std::move(submit);
    if (deps_.positions != nullptr) {
        deps_.positions->on_store_changed([inbox = inbox_] { inbox->put_store_changed(); });
    }
    load_checkpoint();
    thread_ = std::thread([this] { run(); });
    return {};
}

void JournaldInput::run() {
    pthread_setname_np(pthread_self(), "journald");
    while (!stopping_.load()) {
        watchdog_.busy(deps_.clock.steady_now());
        take_inbox();
        if (auto stepped = step(); !stepped) {
            note(stepped.error().message);
            go_back();
            journal_.reset();
            retry_at_ = deps_.clock.steady_now() + kAfterTrouble;
        } else if (phase_ == Phase::kReading) {
            note(files_trouble_);
        }
        publish();
        watchdog_.idle();
        wait();
    }
    flush();
    journal_.reset();
    watchdog_.idle();
}

Result<void> JournaldInput::step() {
    if (journal_ == nullptr) {
        if (deps_.clock.steady_now() < retry_at_) {
            return {};
        }
        look_at_files();
        auto opened = Journal::open(setup_.place);
        if (!opened) {
            return unreadable_ > 0 ? fail(ErrorCode::kIo, files_trouble_) : opened.error();
        }
        journal_ = std::move(*opened);
    } else if (deps_.clock.steady_now() >= look_at_) {
        const uint64_t unreadable_before = unreadable_;
        look_at_files();
        if (unreadable_ < unreadable_before) {
            // What was granted since is opened; sd-journal need not notice by itself.
            go_back();
            journal_.reset();
            retry_at_ = deps_.clock.steady_now();
            return {};
        }
    }
    if (phase_ == Phase::kResume && sent_.empty() && deps_.clock.steady_now() >= retry_at_) {
        ask();
    }
    if (phase_ == Phase::kReading) {
        SEYIR_CHECK(read_some());
    }
    const bool is_due = deps_.clock.steady_now() - batch_began_ >= setup_.batch_delay;
    if (batch_ != nullptr && (is_due || batch_->raw_bytes() >= setup_.batch_raw_bytes ||
                              batch_->row_count() >= setup_.batch_rows)) {
        flush();
    }
    return {};
}

void JournaldInput::wait() {
    Nanos at_most = kLookAgain;
    const SteadyTime now = deps_.clock.steady_now();
    const bool may_read = phase_ == Phase::kReading && journal_ != nullptr &&
                          in_flight_bytes_ < setup_.in_flight_bytes_max;
    if (may_read && !at_end_) {
        at_most = Nanos(0);
    }
    if (batch_ != nullptr) {
        at_most = std::min<Nanos>(at_most, batch_began_ + setup_.batch_delay - now);
    }
    if (phase_ == Phase::kResume && sent_.empty()) {
        at_most = std::min<Nanos>(at_most, retry_at_ - now);
    }
    const int journal_fd = may_read && at_end_ ? journal_->fd() : -1;
    std::array<pollfd, 2> fds{pollfd{inbox_->fd(), POLLIN, 0}, pollfd{journal_fd, POLLIN, 0}};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Nanos(0)));
    ::poll(fds.data(), fds.size(), static_cast<int>(ms.count()));
    if (journal_ != nullptr && at_end_ && may_read) {
        at_end_ = false;
        if (const auto looked = journal_->process(); !looked) {
            note(looked.error().message);
        }
    }
}

void JournaldInput::take_inbox() {
    Inbox::Content got = inbox_->take();
    for (const Inbox::Ack& ack : got.acks) {
        const auto at = std::ranges::find(sent_, ack.batch_id, &Sent::id);
        if (at == sent_.end()) {
            continue;
        }
        in_flight_bytes_ -= at->bytes;
        at->state = ack.is_safe ? Sent::State::kDone : Sent::State::kFailed;
        if (!ack.is_safe) {
            retry_at_ = deps_.clock.steady_now() + (ack.is_rewind ? Nanos(0) : setup_.retry_after);
            go_back();
        }
    }
    advance();
    if (got.store_changed || deps_.checkpoints.forks() != forks_) {
        forks_ = deps_.checkpoints.forks();
        go_back();
        return;  // an answer that came with it may be the old store's
    }
    for (auto& [id, answer] : got.answers) {
        if (phase_ != Phase::kAsking || id != ask_id_) {
            continue;
        }
        auto settled = answer ? on_answer(*answer) : Result<void>(answer.error());
        if (!settled) {
            note(settled.error().message);
            phase_ = Phase::kResume;
            retry_at_ = deps_.clock.steady_now() + kLookAgain;
        }
    }
}

/// Lanes move over what is done, in order.
void JournaldInput::advance() {
    bool moved = false;
    while (!sent_.empty() && sent_.front().state == Sent::State::kDone) {
        for (auto& [lane, mark] : sent_.front().lanes) {
            lane->acked = std::move(mark);
        }
        sent_.pop_front();
        moved = true;
    }
    const bool all_answered = std::ranges::none_of(sent_, [](const Sent& sent) {
        return sent.state == Sent::State::kPending;
    });
    if (phase_ != Phase::kReading && all_answered) {
        sent_.clear();  // what was behind the failed one is asked about again
    }
    if (moved) {
        save_checkpoint();
    }
}

/// Nothing is read until all that is under way is answered and the collector was asked.
void JournaldInput::go_back() {
    rewinds_.add(phase_ == Phase::kReading ? 1 : 0);
    phase_ = Phase::kResume;
    batch_.reset();
    in_batch_.clear();
    ++batch_id_;
    advance();
}

/// Before the journal is opened and from time to time while it is.
void JournaldInput::look_at_files() {
    const JournalFiles files = look_at_journal_files(setup_.place.directory);
    if (look_at_ == SteadyTime{}) {
        was_empty_ = files.readable + files.unreadable == 0;
    }
    unreadable_ = files.unreadable;
    files_trouble_ = journal_trouble(files, setup_.place.directory);
    look_at_ = deps_.clock.steady_now() + (files_trouble_.empty() ? kLookAtFiles : kAfterTrouble);
}

void JournaldInput::note(const std::string& trouble) {
    const std::lock_guard lock(health_mutex_);
    if (!trouble.empty() && trouble != trouble_) {
        log::warn("journald", trouble, {{"input", setup_.id}});
    }
    trouble_ = trouble;
}

pipeline::ComponentHealth JournaldInput::health() const {
    const std::lock_guard lock(health_mutex_);
    return {trouble_.empty(), trouble_};
}

/// What report() says, for other threads.
void JournaldInput::publish() {
    const std::lock_guard lock(health_mutex_);
    oldest_sent_ = sent_.empty() ? std::nullopt : std::optional(sent_.front().sent_at);
    reported_.lag_seconds = unread_seconds_;
    reported_.in_flight_bytes = in_flight_bytes_;
    reported_.is_at_end = phase_ == Phase::kReading && at_end_ && sent_.empty() && !batch_;
}

pipeline::InputReport JournaldInput::report() const {
    const SteadyTime now = deps_.clock.steady_now();
    const std::lock_guard lock(health_mutex_);
    pipeline::InputReport report = reported_;
    if (oldest_sent_) {
        const double age = std::chrono::duration<double>(now - *oldest_sent_).count();
        report.lag_seconds = std::max(report.lag_seconds, age);
    }
    report.busy_for = watchdog_.busy_for(now);
    return report;
}

void JournaldInput::stop() {
    if (inbox_ == nullptr || stopping_.exchange(true)) {
        return;
    }
    inbox_->wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

// --- reading ---

Result<void> JournaldInput::read_some() {
    for (size_t i = 0; i < kEntriesATurn; ++i) {
        if (in_flight_bytes_ >= setup_.in_flight_bytes_max || phase_ != Phase::kReading) {
            return {};
        }
        SEYIR_TRY(const bool has_entry, read_entry());
        if (!has_entry) {
            return {};
        }
        const bool is_full = batch_ != nullptr && (batch_->raw_bytes() >= setup_.batch_raw_bytes ||
                                                   batch_->row_count() >= setup_.batch_rows);
        if (is_full) {
            flush();
        }
    }
    return {};
}

/// False when there is none now, or the collector must be asked first.
Result<bool> JournaldInput::read_entry() {
    if (!std::exchange(has_stood_, false)) {
        SEYIR_TRY(const bool moved, journal_->next());
        if (!moved) {
            at_end_ = true;
            unread_seconds_ = 0;
            lag_seconds_.set(0);
            return false;
        }
    }
    SEYIR_TRY(const std::string text, journal_->cursor());
    const auto cursor = parse_cursor(text);
    if (!cursor) {
        return fail(ErrorCode::kIo, "the journal gives a cursor nobody can read: " + text);
    }
    JournalLane* const lane = lane_for(*cursor);
    if (lane == nullptr) {
        return false;
    }
    if (cursor->number < lane->read_end) {
        return true;
    }
    open_origin(*lane);
    const uint64_t cut_before = rows_.cut();
    SEYIR_CHECK(rows_.append(*journal_, *batch_, lane->origin));
    cut_.add(rows_.cut() - cut_before);
    lane->read_end = cursor->number + 1;
    lane->submitted = {lane->read_end, cursor_hash(text), text};
    SourcePosition& position = batch_->position(lane->origin);
    position.end = lane->read_end;
    position.tail_hash = lane->submitted.hash;
    const auto age =
        deps_.clock.wall_now().value / 1000 - static_cast<int64_t>(cursor->realtime_us);
    unread_seconds_ = std::max(0.0, static_cast<double>(age) / 1e6);
    lag_seconds_.set(unread_seconds_);
    return true;
}

/// The lane an entry is of; nothing when the collector must be asked about it first.
JournalLane* JournaldInput::lane_for(const JournalCursor& cursor) {
    const auto at = lanes_.find(cursor.numbering);
    if (at == lanes_.end()) {
        if (lanes_.size() >= kLanesMax) {
            note("the journal has more than 64 numberings of entries; the oldest are not read");
            return nullptr;
        }
        JournalLane lane;
        lane.key = {journal_source(setup_.id, cursor.numbering), 0};
        if (first_run_ && setup_.from_end) {
            lane.acked.end = cursor.number;
        }
        lanes_.emplace(std::string(cursor.numbering), std::move(lane));
        flush();
        go_back();
        return nullptr;
    }
    JournalLane& lane = at->second;
    const auto last = parse_cursor(lane.submitted.cursor);
    const bool is_earlier_number = cursor.number + 1 < lane.read_end;
    if (is_earlier_number && last && cursor.realtime_us > last->realtime_us &&
        last->number + 1 == lane.read_end) {
        log::warn(
            "journald",
            "the journal numbers its entries anew: they are a new lane",
            {{"input", setup_.id}, {"cursor", lane.submitted.cursor}}
        );
        ++lane.key.generation;
        lane.acked = {cursor.number, 0, ""};
        flush();
        go_back();
        return nullptr;
    }
    return &lane;
}

void JournaldInput::open_origin(JournalLane& lane) {
    if (batch_ == nullptr) {
        batch_ = std::make_shared<RecordBatch>();
        batch_began_ = deps_.clock.steady_now();
    }
    if (lane.batch == batch_id_) {
        return;
    }
    SourcePosition position;
    position.key = lane.key;
    position.begin = position.end = lane.read_end;
    position.lane_start = std::exchange(lane.lane_start, false);
    lane.origin = batch_->add_position(std::move(position));
    lane.batch = batch_id_;
    in_batch_.push_back(&lane);
}

void JournaldInput::flush() {
    if (batch_ == nullptr) {
        return;
    }
    Sent sent{
        .id = batch_id_++, .bytes = batch_->memory_bytes(), .sent_at = deps_.clock.steady_now()
    };
    for (JournalLane* lane : in_batch_) {
        sent.lanes.emplace_back(lane, lane->submitted);
    }
    in_batch_.clear();
    in_flight_bytes_ += sent.bytes;
    entries_.add(batch_->row_count());
    batch_->set_ack(AckToken([inbox = inbox_, id = sent.id](const DeliveryReport& report) {
        const bool is_rewind = report.outcome == Outcome::kRewind;
        inbox->put_ack({id, report.outcome < Outcome::kRetry, is_rewind});
    }));
    sent_.push_back(std::move(sent));
    submit_(std::exchange(batch_, nullptr));
}

}  // namespace seyir::agent::input

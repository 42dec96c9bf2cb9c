// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/sender.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::buffer {
namespace {

using namespace std::chrono_literals;

/// A source that cannot be read now is looked at again so often.
constexpr Nanos kLookAgain = 1s;
/// A collector is not asked for its position more often.
constexpr Nanos kAskAgain = 200ms;

/// The rows a kRejected report says can never be delivered; none when it does not say which.
BatchView refused_rows(const BatchView& view, const DeliveryReport& report) {
    if (!report.rejected_rows.empty()) {
        return {view.batch, Selection::of(report.rejected_rows)};
    }
    return report.dropped >= view.row_count() ? view : BatchView{view.batch, Selection::of({})};
}

}  // namespace

Sender::Sender(Setup setup, DeliverySource& source, pipeline::Output& output, io::Clock& clock)
    : setup_(std::move(setup)),
      source_(source),
      output_(output),
      clock_(clock),
      policy_(setup_.retry, std::hash<std::string>{}(setup_.id)),
      inbox_(std::make_shared<Inbox>()),
      resume_(setup_.positions == nullptr ? Resume::kNotNeeded : Resume::kAsk) {}

Sender::~Sender() {
    stop(SteadyTime::min(), false);
    finish();
}

void Sender::start() {
    if (setup_.positions != nullptr) {
        setup_.positions->on_store_changed([inbox = inbox_] {
            const std::lock_guard lock(inbox->mutex);
            inbox->store_changed = true;
            inbox->changed.notify_one();
        });
    }
    thread_ = std::thread([this] { run(); });
}

std::function<void()> Sender::waker() const {
    return [inbox = inbox_] {
        const std::lock_guard lock(inbox->mutex);
        inbox->is_poked = true;
        inbox->changed.notify_one();
    };
}

void Sender::stop(SteadyTime deadline, bool drain) {
    {
        const std::lock_guard lock(inbox_->mutex);
        inbox_->stopping = true;
        inbox_->draining = drain;
        inbox_->deadline = deadline;
        inbox_->is_poked = true;
        inbox_->changed.notify_one();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Sender::finish() {
    (void)take_inbox();
    {
        const std::lock_guard lock(inbox_->mutex);
        inbox_->is_closed = true;
    }
    for (const Job& job : jobs_) {
        source_.give_back(job.delivery.id);
    }
    jobs_.clear();
}

pipeline::ComponentHealth Sender::health() const {
    const std::lock_guard lock(health_mutex_);
    const std::string& worst = health_.empty() ? dead_letter_health_ : health_;
    return {worst.empty(), worst};
}

void Sender::note(std::string message) {
    const std::lock_guard lock(health_mutex_);
    if (message.empty() && !health_.empty()) {
        log::info("buffer", "delivers again", {{"output", setup_.id}});
    } else if (!message.empty() && health_.empty()) {
        log::warn("buffer", message, {{"output", setup_.id}});
    }
    health_ = std::move(message);
}

void Sender::note_dead_letter(std::string message) {
    const std::lock_guard lock(health_mutex_);
    if (!message.empty() && dead_letter_health_.empty()) {
        log::warn("buffer", message, {{"output", setup_.id}});
    }
    dead_letter_health_ = std::move(message);
}

/// What the output works on.
size_t Sender::out_count() const {
    return static_cast<size_t>(std::ranges::count_if(jobs_, [](const Job& job) {
        return job.is_out && !job.refused;
    }));
}

size_t Sender::refused_count() const {
    return static_cast<size_t>(std::ranges::count_if(jobs_, [](const Job& job) {
        return job.refused.has_value();
    }));
}

void Sender::run() {
    pthread_setname_np(pthread_self(), "buffer-send");
    while (step()) {
    }
}

/// False when the thread is to end.
bool Sender::step() {
    const bool may_go_on = take_inbox();
    if (!may_go_on) {
        return false;
    }
    const bool may_ask = clock_.steady_now() >= ask_at_ && setup_.may_take();
    // Not while rows are on their way to the dead letters: the far side may say that it is done
    // with them, and they would be forgotten.
    if (resume_ == Resume::kAsk && out_count() == 0 && refused_count() == 0 && may_ask) {
        ask();
    }
    bury_again();
    if (!deliver_some()) {
        wait();
    }
    return true;
}

bool Sender::take_inbox() {
    std::vector<Answer> answers;
    std::optional<Result<pipeline::CommittedAnswer>> committed;
    bool stopping = false;
    bool draining = false;
    SteadyTime deadline;
    {
        const std::lock_guard lock(inbox_->mutex);
        answers.swap(inbox_->answers);
        committed.swap(inbox_->committed);
        if (std::exchange(inbox_->store_changed, false)) {
            resume_ = Resume::kAsk;
            committed.reset();  // the old store's
        }
        inbox_->is_poked = false;
        stopping = inbox_->stopping;
        draining = inbox_->draining;
        deadline = inbox_->deadline;
    }
    for (Answer& answer : answers) {
        handle(std::move(answer));
    }
    if (committed && resume_ == Resume::kAsked) {
        resume_ = Resume::kAsk;
        if (*committed && (*committed)->lanes.size() == 1) {
            auto resumed = setup_.resume((*committed)->lanes.front(), (*committed)->store_id);
            note(resumed ? "" : resumed.error().message);
            resume_ = resumed ? Resume::kNotNeeded : Resume::kAsk;
            if (resumed && !resumed->empty()) {
                log::warn("buffer", *resumed, {{"output", setup_.id}});
                setup_.positions->report_event("buffer_resumed", *resumed);
            }
        }
    }
    if (!stopping) {
        return true;
    }
    const bool nothing_left =
        draining ? jobs_.empty() && source_is_empty_ : out_count() + refused_count() == 0;
    return !nothing_left && clock_.steady_now() < deadline;
}

void Sender::ask() {
    ask_at_ = clock_.steady_now() + kAskAgain;
    jobs_.clear();  // the source hands them out again from where it resumes
    resume_ = Resume::kAsked;
    setup_.positions->ask_committed(
        {setup_.lane()},
        [inbox = inbox_](Result<pipeline::CommittedAnswer> answer) {
            const std::lock_guard lock(inbox->mutex);
            inbox->committed = std::move(answer);
            inbox->changed.notify_one();
        }
    );
}

bool Sender::deliver_some() {
    if (resume_ != Resume::kNotNeeded || !setup_.may_take()) {
        return false;
    }
    const auto oldest = std::ranges::find_if(jobs_, &Job::waits_for_output);
    if (is_failing_ && (out_count() > 0 || clock_.steady_now() < retry_at_)) {
        return false;
    }
    if (oldest == jobs_.end()) {
        return take_one();
    }
    if (is_failing_) {
        source_.count_retry(static_cast<uint32_t>(oldest->delivery.view.row_count()));
    }
    hand_over(*oldest);
    return true;
}

bool Sender::take_one() {
    if (jobs_.size() >= setup_.in_flight_max) {
        return false;
    }
    {
        const std::lock_guard lock(inbox_->mutex);
        if (inbox_->stopping && !inbox_->draining) {
            return false;
        }
    }
    std::optional<Delivery> taken = source_.take();
    source_is_empty_ = !taken;
    if (!taken) {
        return false;
    }
    jobs_.push_back({.delivery = *std::move(taken), .first_at = clock_.steady_now()});
    hand_over(jobs_.back());
    return true;
}

void Sender::hand_over(Job& job) {
    job.is_out = true;
    ++job.attempts;
    output_.deliver(job.delivery.view, answer_to(job.delivery.id));
}

pipeline::DeliverDone Sender::answer_to(uint64_t id) const {
    return [inbox = inbox_, id](DeliveryReport report) {
        const std::lock_guard lock(inbox->mutex);
        if (!inbox->is_closed) {
            inbox->answers.push_back({id, std::move(report)});
            inbox->changed.notify_one();
        }
    };
}

void Sender::settle(uint64_t id, DeliveryReport report) {
    source_.settle(id, std::move(report));
    std::erase_if(jobs_, [&](const Job& job) { return job.delivery.id == id; });
}

void Sender::handle(Answer answer) {
    const auto at =
        std::ranges::find_if(jobs_, [&](const Job& job) { return job.delivery.id == answer.id; });
    if (at == jobs_.end()) {
        return;
    }
    at->is_out = false;
    if (at->refused) {
        dead_letter_answered(*at, answer.report);
        return;
    }
    switch (answer.report.outcome) {
        case Outcome::kRetry:
            retry(*at, answer.report);
            return;
        case Outcome::kRewind:
            if (setup_.positions != nullptr) {
                resume_ = Resume::kAsk;
                return;
            }
            retry(*at, answer.report);
            return;
        case Outcome::kRejected:
        case Outcome::kDelivered:
        case Outcome::kDropped:
            break;
    }
    if (is_failing_) {
        is_failing_ = false;
        failures_ = 0;
        note("");
    }
    if (answer.report.outcome == Outcome::kRejected) {
        refuse(*at, std::move(answer.report));
        return;
    }
    settle(answer.id, std::move(answer.report));
}

/// Rows of the job will never be delivered: settled once the dead letters have them.
void Sender::refuse(Job& job, DeliveryReport report) {
    const bool any = refused_rows(job.delivery.view, report).row_count() != 0;
    if (!setup_.on_dead_letter || !any) {
        settle(job.delivery.id, std::move(report));
        return;
    }
    job.refused = std::move(report);
    bury(job);
}

void Sender::bury(Job& job) {
    job.is_out = true;
    const DeliveryReport& why = *job.refused;
    setup_.on_dead_letter(
        refused_rows(job.delivery.view, why),
        why.reason.empty() ? "rejected" : why.reason,
        why.message,
        AckToken([answer = answer_to(job.delivery.id)](const DeliveryReport& report) mutable {
            answer(report);
        })
    );
}

void Sender::bury_again() {
    const SteadyTime now = clock_.steady_now();
    for (Job& job : jobs_) {
        if (job.refused && !job.is_out && now >= job.dead_letter_at) {
            bury(job);
        }
    }
}

void Sender::dead_letter_answered(Job& job, const DeliveryReport& answer) {
    if (answer.outcome == Outcome::kRetry || answer.outcome == Outcome::kRewind) {
        ++job.dead_letter_failures;
        job.dead_letter_at =
            clock_.steady_now() + policy_.wait(job.dead_letter_failures, answer.retry_after);
        note_dead_letter(
            "refused rows cannot be written as dead letters, trying again: " + answer.message
        );
        return;
    }
    settle(job.delivery.id, *std::move(job.refused));
    if (refused_count() == 0) {
        note_dead_letter("");
    }
}

void Sender::retry(Job& job, const DeliveryReport& report) {
    const SteadyTime now = clock_.steady_now();
    // Batches that were under way together fail together: that is one failure of the far side.
    failures_ += !is_failing_ || now >= retry_at_ ? 1 : 0;
    if (policy_.gives_up(job.attempts, now - job.first_at)) {
        const auto rows = static_cast<uint32_t>(job.delivery.view.row_count());
        const std::string message = fmt::format(
            "given up after {} attempts in {}: {}",
            job.attempts,
            format_duration(std::chrono::duration_cast<std::chrono::seconds>(now - job.first_at)),
            report.message
        );
        log::error("buffer", message, {{"output", setup_.id}, {"rows", std::to_string(rows)}});
        refuse(
            job,
            {.outcome = Outcome::kRejected, .dropped = rows, .reason = "gave_up", .message = message
            }
        );
        return;
    }
    is_failing_ = true;
    retry_at_ = std::max(retry_at_, now + policy_.wait(failures_, report.retry_after));
    note("cannot deliver, trying again: " + report.message);
}

void Sender::wait() {
    Nanos wait = kLookAgain;
    const SteadyTime now = clock_.steady_now();
    if (resume_ == Resume::kAsk) {
        wait = std::min<Nanos>(wait, ask_at_ - now);
    }
    const bool has_more = std::ranges::any_of(jobs_, &Job::waits_for_output) ||
                          (!source_is_empty_ && jobs_.size() < setup_.in_flight_max);
    if (is_failing_ && out_count() == 0 && has_more) {
        wait = std::min<Nanos>(wait, retry_at_ - now);
    }
    for (const Job& job : jobs_) {
        if (job.refused && !job.is_out) {
            wait = std::min<Nanos>(wait, job.dead_letter_at - now);
        }
    }
    std::unique_lock lock(inbox_->mutex);
    if (inbox_->stopping) {
        wait = inbox_->deadline > now ? std::min<Nanos>(wait, inbox_->deadline - now) : Nanos(0);
    }
    inbox_->changed.wait_for(lock, std::max<Nanos>(wait, 1ms), [this] {
        return inbox_->is_poked || !inbox_->answers.empty() || inbox_->committed ||
               inbox_->store_changed;
    });
}

}  // namespace seyir::buffer

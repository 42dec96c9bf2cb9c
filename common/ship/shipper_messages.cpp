// SPDX-License-Identifier: Apache-2.0
// What the messages of a connection mean to the agent, and what it says when.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/ship/frame_encoder.hpp"
#include "common/ship/shipper_io.hpp"

namespace seyir::ship {
namespace {

constexpr auto kPingAfter = std::chrono::seconds(15);
constexpr auto kSilentMax = std::chrono::seconds(45);
constexpr uint32_t kInUseRetryMs = 5000;
constexpr size_t kEventsMax = 256;

/// What the operator can do about a refusal.
std::string remedy(wire::RefuseCode code) {
    switch (code) {
        case wire::RefuseCode::kBadToken:
            return "set `token` of this output to the one of the collector's `agents` input";
        case wire::RefuseCode::kVersion:
            return "upgrade the older of the two programs";
        case wire::RefuseCode::kInUse:
            return "another agent with this id is running: give each agent its own state_dir";
        case wire::RefuseCode::kBusy:
            return "the collector asks to try again later";
        case wire::RefuseCode::kBadMessage:
            return "the two programs disagree; see both logs";
        case wire::RefuseCode::kFenced:
            return "a newer connection of this agent took over";
    }
    return "see the collector's log";
}

}  // namespace

std::string Shipper::hello_bytes(UnixNanos now) const {
    wire::Hello hello;
    hello.sent_at = now;
    {
        const std::lock_guard lock(mutex_);
        hello.agent = identity_.agent;
        hello.machine = identity_.machine;
    }
    hello.process_nonce = process_nonce_;
    hello.features = wire::kTakesMetrics;
    hello.token = token_;
    hello.hostname = setup_.hostname.substr(0, 255);
    hello.agent_version = setup_.agent_version;
    std::string out;
    wire::append_preface(out);
    wire::append_message(out, hello);
    return out;
}

Result<void> Shipper::handle(Session& session, const wire::RawMessage& message) {
    using wire::MessageType;
    const bool greeting = session.phase == Phase::kGreeting;
    switch (message.type) {
        case MessageType::kWelcome:
            return on_welcome(session, message.body);
        case MessageType::kRefuse:
            return on_refuse(session, message.body);
        case MessageType::kPing: {
            SEYIR_TRY(const uint64_t id, wire::decode_ping(message.body));
            wire::append_pong(session.out, id);
            return {};
        }
        case MessageType::kGoodbye: {
            SEYIR_TRY(const wire::Goodbye goodbye, wire::decode_goodbye(message.body));
            return fail(
                ErrorCode::kClosed, session.stream.peer() + " says goodbye: " + goodbye.reason
            );
        }
        case MessageType::kCommitted:
            return greeting ? Result<void>{} : on_committed(message.body);
        case MessageType::kAck:
            return greeting ? Result<void>{} : on_ack(message.body);
        case MessageType::kThrottle: {
            SEYIR_TRY(const wire::Throttle throttle, wire::decode_throttle(message.body));
            const auto pause = std::chrono::milliseconds(throttle.retry_after_ms);
            session.throttled_until = clock_.steady_now() + pause;
            session.credit_bytes =
                throttle.credit_bytes == 0 ? session.credit_bytes : throttle.credit_bytes;
            return {};
        }
        default:
            return {};  // pong, and what a later minor version may send
    }
}

Result<void> Shipper::on_welcome(Session& session, std::string_view body) {
    SEYIR_TRY(const wire::Welcome welcome, wire::decode_welcome(body));
    session.phase = Phase::kAccepted;
    accepted_ = true;
    session.accepted_at = clock_.steady_now();
    session.epoch = welcome.epoch;
    session.credit_bytes = welcome.credit_bytes;
    session.features = welcome.features;
    set_health("");
    metrics_.connected.set(1);
    connected_since_ = session.accepted_at;
    metrics_.connects.add();
    log::info(
        "ship",
        "connected",
        {{"output", setup_.id},
         {"collector", session.stream.peer()},
         {"version", welcome.server_version},
         {"agent", agent_id().to_hex()}}
    );
    compare_clocks(session, welcome);
    place_frames(session, welcome);
    compare_store(welcome);
    const std::lock_guard lock(mutex_);
    if (identity_.state_dir != setup_.identity.state_dir_now) {
        identity_.state_dir = setup_.identity.state_dir_now;
        return save_agent_identity(fs_, setup_.state_dir, identity_);
    }
    return {};
}

void Shipper::compare_clocks(const Session& session, const wire::Welcome& welcome) {
    if (welcome.sent_at.value == 0) {
        return;
    }
    // The welcome was written between our hello and now: only what is beyond either is skew.
    const Nanos ahead = wire::clock_skew(session.hello_at, welcome.sent_at);
    const Nanos behind = wire::clock_skew(welcome.sent_at, clock_.wall_now());
    const Nanos skew = ahead > Nanos(0) ? ahead : behind > Nanos(0) ? -behind : Nanos(0);
    metrics_.clock_skew_seconds.set(std::chrono::duration<double>(skew).count());
    const bool is_wrong = std::chrono::abs(skew) > wire::kClockSkewMax;
    if (is_wrong && !clock_is_wrong_) {
        log::warn(
            "ship",
            "this clock or the collector's is wrong; records keep the times of this one",
            {{"output", setup_.id},
             {"collector", session.stream.peer()},
             {"ahead_seconds", std::to_string(skew / std::chrono::seconds(1))}}
        );
    }
    clock_is_wrong_ = is_wrong;
}

void Shipper::place_frames(const Session& session, const wire::Welcome& welcome) {
    const bool may_move = setup_.on_ambiguity == OnAmbiguity::kResend;
    window_.set_place({tried_, welcome.store_id}, may_move);
    go_back_to_.reset();
    probe_at_ = clock_.steady_now() + setup_.retry_max;
    metrics_.held.set(static_cast<double>(window_.held()));
    const uint64_t rows = window_.rows_sent_elsewhere();
    if (rows == 0 || rows == std::exchange(told_elsewhere_, rows)) {
        return;
    }
    const std::string detail = fmt::format(
        "{} records were sent to another collector, which did not answer; {}",
        rows,
        may_move ? "they are sent to " + session.stream.peer() + ", too: some may be stored twice"
                 : "they wait until it is back"
    );
    log::warn("ship", detail, {{"output", setup_.id}, {"collector", session.stream.peer()}});
    events_.push_back({clock_.wall_now(), may_move ? "possible_duplicates" : "frames_held", detail}
    );
}

void Shipper::compare_store(const wire::Welcome& welcome) {
    const StoreSeen now{welcome.store_id, welcome.restore_generation, welcome.epoch};
    const std::optional<StoreSeen> before = std::exchange(store_seen_, now);
    if (!before) {
        return;  // the inputs ask at their start anyway
    }
    // The epoch is kept in the store and rises with each connection: one that does not is that of
    // an older state of the store.
    const bool same_store =
        before->store_id == now.store_id && before->restore_generation == now.restore_generation;
    if (same_store && now.epoch > before->epoch) {
        return;
    }
    log::warn(
        "ship",
        "the collector's store is another one or was restored: asking again what it has",
        {{"output", setup_.id},
         {"store", now.store_id.to_hex()},
         {"store_before", before->store_id.to_hex()},
         {"restore_generation", std::to_string(now.restore_generation)},
         {"epoch", std::to_string(now.epoch)},
         {"epoch_before", std::to_string(before->epoch)}}
    );
    std::vector<std::function<void()>> listeners;
    {
        const std::lock_guard lock(mutex_);
        listeners = store_listeners_;
    }
    for (const auto& listener : listeners) {
        listener();
    }
}

Result<void> Shipper::on_refuse(Session& session, std::string_view body) {
    SEYIR_TRY(const wire::Refuse refuse, wire::decode_refuse(body));
    const Error error = fail(
        ErrorCode::kRefused,
        fmt::format(
            "{} refuses this agent ({}): {}; {}",
            session.stream.peer(),
            to_string(refuse.code),
            refuse.message,
            remedy(refuse.code)
        )
    );
    if (refuse.code != wire::RefuseCode::kInUse || session.phase != Phase::kGreeting) {
        return error;
    }
    // Questions are still answered, so that the inputs can find out that this is a copy.
    session.phase = Phase::kInUse;
    session.in_use_since = clock_.steady_now();
    session.refused_retry_ms = refuse.retry_after_ms == 0 ? kInUseRetryMs : refuse.retry_after_ms;
    note_failure(error);
    const std::lock_guard lock(mutex_);
    if (identity_.state_dir != setup_.identity.state_dir_now && !fork_detail_) {
        fork_detail_ = fmt::format(
            "the state directory was copied from {} while its agent runs", identity_.state_dir
        );
    }
    return {};
}

Result<void> Shipper::on_committed(std::string_view body) {
    SEYIR_TRY(const wire::Committed committed, wire::decode_committed(body));
    const auto at = std::ranges::find(questions_, committed.request, &Question::request);
    if (committed.request == 0 || at == questions_.end()) {
        return {};
    }
    const size_t before = at->answer.lanes.size();
    if (committed.lanes.size() != std::min(at->lanes.size() - before, wire::kLanesMax)) {
        return fail(ErrorCode::kCorrupt, "positions answered for other lanes than asked for");
    }
    at->answer.store_id = committed.store_id;
    at->answer.restore_generation = committed.restore_generation;
    for (size_t i = 0; i < committed.lanes.size(); ++i) {
        const wire::CommittedEntry& lane = committed.lanes[i];
        at->answer.lanes.push_back(
            {at->lanes[before + i], lane.known, lane.committed, lane.tail_hash}
        );
    }
    at->request = 0;
    if (at->answer.lanes.size() == at->lanes.size()) {
        Question question = std::move(*at);
        questions_.erase(at);
        question.on_answer(std::move(question.answer));
    }
    return {};
}

Result<void> Shipper::on_ack(std::string_view body) {
    SEYIR_TRY(const wire::Ack ack, wire::decode_ack(body));
    SEYIR_TRY(std::optional<AnsweredFrame> answered, window_.on_ack(ack));
    if (ack.outcome == Outcome::kRewind) {
        metrics_.rewinds.add();
    }
    if (ack.outcome == Outcome::kRetry && !ack.message.empty()) {
        set_health("the collector cannot store now: " + ack.message);
    }
    if (!answered) {
        return {};
    }
    if (ack.outcome == Outcome::kDelivered) {
        acked_at_ = clock_.steady_now();
        set_health("");
    }
    all_is_well();
    const auto took = clock_.steady_now() - answered->frame.sent_at;
    metrics_.ack_seconds.observe(std::chrono::duration<double>(took).count());
    metrics_.rows.add(ack.accepted);
    metrics_.dropped.add(answered->report.dropped);
    finish(std::move(answered->frame), std::move(answered->report));
    return {};
}

void Shipper::all_is_well() {
    backoff_.reset();
    logged_failures_.assign(setup_.endpoints.size(), {});
}

void Shipper::finish(OutFrame frame, DeliveryReport report) {
    metrics_.waiting.set(static_cast<double>(window_.size()));
    frame.done(std::move(report));
    hooks_.answered(frame.budget_bytes);
}

void Shipper::take_inbox() {
    std::vector<OutFrame> frames;
    std::vector<Question> questions;
    std::vector<wire::Event> events;
    {
        const std::lock_guard lock(mutex_);
        frames.swap(new_frames_);
        questions.swap(new_questions_);
        events.swap(new_events_);
    }
    for (OutFrame& frame : frames) {
        window_.push(std::move(frame));
    }
    std::ranges::move(questions, std::back_inserter(questions_));
    for (wire::Event& event : events) {
        if (events_.size() == kEventsMax) {
            log::warn("ship", "too many events wait; the oldest is dropped");
            events_.pop_front();
        }
        events_.push_back(std::move(event));
    }
    metrics_.waiting.set(static_cast<double>(window_.size()));
    metrics_.held.set(static_cast<double>(window_.held()));
}

void Shipper::add_control(Session& session) {
    for (Question& question : questions_) {
        if (question.request == 0) {
            const size_t from = question.answer.lanes.size();
            const size_t count = std::min(question.lanes.size() - from, wire::kLanesMax);
            const auto begin = question.lanes.begin() + static_cast<ptrdiff_t>(from);
            question.request = next_request_++;
            wire::append_message(
                session.out,
                wire::Ask{question.request, {begin, begin + static_cast<ptrdiff_t>(count)}}
            );
        }
    }
    if (session.phase == Phase::kAccepted) {
        for (const wire::Event& event : events_) {
            wire::append_message(session.out, event);
        }
        events_.clear();
    }
    const SteadyTime now = clock_.steady_now();
    const bool quiet = now - session.last_heard >= kPingAfter && !session.pinged;
    if (quiet || now - session.last_sent >= kPingAfter) {
        session.pinged = true;
        wire::append_ping(session.out, 1);
    }
}

std::shared_ptr<const std::string> Shipper::add_frame(Session& session) {
    const SteadyTime now = clock_.steady_now();
    if (session.phase != Phase::kAccepted || now < session.throttled_until || go_back_to_) {
        return nullptr;
    }
    if (window_.wants_resend()) {
        window_.resend();
    }
    OutFrame* frame = window_.next(session.credit_bytes);
    if (frame == nullptr) {
        return nullptr;
    }
    if (frame->kind == wire::FrameKind::kMetrics && (session.features & wire::kTakesMetrics) == 0) {
        leave_rows_out(*frame, "collector_takes_no_metrics");
    }
    metrics_.resent.add(frame->ever_sent ? 1 : 0);
    const uint32_t twice = window_.mark_sent(*frame, session.next_seq++, now);
    metrics_.possible_duplicates.add(twice);
    const EncodedBatch& encoded = frame->encoded;
    const auto wire_bytes = static_cast<uint32_t>(encoded.bytes->size());
    metrics_.frames.add();
    metrics_.raw_bytes.add(encoded.raw_bytes);
    metrics_.wire_bytes.add(wire_bytes);
    wire::append_frame_header(
        session.out,
        {.kind = frame->kind,
         .codec = encoded.codec,
         .epoch = session.epoch,
         .seq = frame->seq,
         .rows = frame->rows,
         .min_ts = frame->min_ts,
         .max_ts = frame->max_ts,
         .raw_bytes = encoded.raw_bytes,
         .wire_bytes = wire_bytes,
         .xxh3 = encoded.xxh3}
    );
    return encoded.bytes;
}

Result<void> Shipper::check_alive(Session& session) {
    const SteadyTime now = clock_.steady_now();
    if (session.phase == Phase::kInUse) {
        const auto pause = std::chrono::milliseconds(session.refused_retry_ms);
        if (questions_.empty() && now - session.in_use_since >= pause) {
            return fail(
                ErrorCode::kConflict,
                session.stream.peer() +
                    " refuses this agent (in_use): " + remedy(wire::RefuseCode::kInUse)
            );
        }
    }
    if (now - session.last_heard >= kSilentMax) {
        return fail(ErrorCode::kTimeout, session.stream.peer() + " was silent for 45 s");
    }
    const auto oldest = window_.oldest_sent();
    if (oldest && now - *oldest >= setup_.ack_timeout) {
        return fail(
            ErrorCode::kTimeout, session.stream.peer() + " did not answer a frame in ack_timeout"
        );
    }
    return {};
}

SteadyTime Shipper::wake_at(const Session& session) const {
    SteadyTime at = std::min(
        session.last_sent + kPingAfter,
        session.last_heard + (session.pinged ? Nanos(kSilentMax) : Nanos(kPingAfter))
    );
    if (const auto oldest = window_.oldest_sent()) {
        at = std::min(at, *oldest + setup_.ack_timeout);
    }
    if (session.throttled_until > clock_.steady_now()) {
        at = std::min(at, session.throttled_until);
    }
    if (window_.pinned_elsewhere() && !probing_ && !go_back_to_) {
        at = std::min(at, probe_at_);
    }
    if (session.phase == Phase::kInUse) {
        const auto pause = std::chrono::milliseconds(session.refused_retry_ms);
        at = std::min(at, session.in_use_since + pause);
    }
    // A passed time (an answer still owed) must not spin the loop.
    return std::max(at, clock_.steady_now() + std::chrono::milliseconds(5));
}

Result<void> Shipper::carry_out_fork() {
    std::string detail;
    AgentIdentity next;
    {
        const std::lock_guard lock(mutex_);
        detail = *fork_detail_;
        next = identity_;
    }
    const AgentId before = next.agent;
    next.agent = AgentId::random();
    next.state_dir = setup_.identity.state_dir_now;
    // Persisted before it is used: a crash must not bring the old id back under new positions.
    auto saved = save_agent_identity(fs_, setup_.state_dir, next);
    if (!saved) {
        return std::move(saved).error().context("taking a new agent id");
    }
    {
        const std::lock_guard lock(mutex_);
        identity_ = next;
        fork_detail_.reset();
    }
    log::warn(
        "ship",
        "this agent takes a new id: its state is a copy or was rolled back",
        {{"before", before.to_hex()}, {"now", next.agent.to_hex()}, {"why", detail}}
    );
    if (store_seen_) {
        store_seen_->epoch = 0;  // those of the new id begin anew
    }
    events_.push_back({clock_.wall_now(), "lane_forked", detail});
    take_inbox();
    const std::string why = "the agent id changed: positions start anew";
    for (OutFrame& frame : window_.take_all()) {
        finish(std::move(frame), DeliveryReport::retry(why));
    }
    hooks_.forked(why);
    return {};
}

}  // namespace seyir::ship

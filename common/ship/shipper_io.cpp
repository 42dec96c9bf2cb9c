// SPDX-License-Identifier: Apache-2.0
// Connecting, greeting and the two loops of a connection. What messages mean: shipper_messages.cpp.
#include "common/ship/shipper_io.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/ship/make_setup.hpp"

namespace seyir::ship {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr auto kGreetingMax = std::chrono::seconds(20);
constexpr auto kSteadyAfter = std::chrono::seconds(10);
constexpr auto kLogAgainAfter = std::chrono::minutes(10);

uint64_t new_nonce() {
    return Id128<struct NonceTag>::random().lo;
}

}  // namespace

ShipMetrics::ShipMetrics(metrics::Registry& registry, const std::string& output)
    : connected(registry.gauge(
          "seyir_ship_connected", "1 while a collector takes frames", {{"output", output}}
      )),
      connects(registry.counter(
          "seyir_ship_connects_total", "Accepted connections", {{"output", output}}
      )),
      frames(registry.counter(
          "seyir_ship_frames_total", "Frames sent, repetitions included", {{"output", output}}
      )),
      rows(registry.counter(
          "seyir_ship_rows_total", "Records answered as stored", {{"output", output}}
      )),
      raw_bytes(registry.counter(
          "seyir_ship_raw_bytes_total",
          "Payload bytes sent, before compression",
          {{"output", output}}
      )),
      wire_bytes(registry.counter(
          "seyir_ship_wire_bytes_total", "Payload bytes sent", {{"output", output}}
      )),
      resent(registry.counter(
          "seyir_ship_resent_frames_total", "Frames sent again", {{"output", output}}
      )),
      possible_duplicates(registry.counter(
          "seyir_ship_possible_duplicate_rows_total",
          "Records sent to one collector without an answer and then to another store",
          {{"output", output}}
      )),
      held(registry.gauge(
          "seyir_ship_held_frames",
          "Frames that wait for the endpoint that did not answer them",
          {{"output", output}}
      )),
      rewinds(registry.counter(
          "seyir_ship_rewinds_total",
          "Frames whose positions did not join the store's",
          {{"output", output}}
      )),
      dropped(registry.counter(
          "seyir_ship_dropped_rows_total",
          "Records the collector or a limit refused for good",
          {{"output", output}}
      )),
      reloaded(registry.counter(
          "seyir_ship_credential_reloads_total",
          "Changed certificate, authority and token files",
          {{"output", output}, {"outcome", "loaded"}}
      )),
      not_reloaded(registry.counter(
          "seyir_ship_credential_reloads_total",
          "Changed certificate, authority and token files",
          {{"output", output}, {"outcome", "failed"}}
      )),
      waiting(registry.gauge(
          "seyir_ship_waiting_frames", "Frames without an answer", {{"output", output}}
      )),
      clock_skew_seconds(registry.gauge(
          "seyir_ship_clock_skew_seconds",
          "How far this clock is ahead of the collector's at the least; negative: behind",
          {{"output", output}}
      )),
      ack_seconds(registry.histogram(
          "seyir_ship_ack_seconds",
          "From sending a frame to its answer",
          metrics::latency_buckets(),
          {{"output", output}}
      )) {}

Shipper::Shipper(
    ShipSetup setup,
    io::FileSystem& fs,
    io::Clock& clock,
    metrics::Registry& registry,
    async::Executor executor,
    Hooks hooks
)
    : setup_(std::move(setup)),
      fs_(fs),
      clock_(clock),
      metrics_(registry, setup_.id),
      executor_(executor),
      hooks_(std::move(hooks)),
      wake_(executor),
      reader_done_(executor),
      process_nonce_(new_nonce()),
      token_(setup_.token),
      logged_failures_(setup_.endpoints.size()),
      backoff_(setup_.retry_initial, setup_.retry_max, process_nonce_),
      identity_(setup_.identity.identity),
      health_("not connected yet") {
    if (!setup_.identity.forked.empty()) {
        events_.push_back({clock_.wall_now(), "lane_forked", setup_.identity.forked});
    }
}

Result<void> Shipper::start() {
    return gate_.spawn(executor_, "ship " + setup_.id, run());
}

void Shipper::stop(SteadyTime deadline) {
    if (auto stopped = gate_.stop(deadline); !stopped) {
        log::warn("ship", stopped.error().message);
    }
    std::vector<OutFrame> frames = window_.take_all();
    std::vector<Question> questions;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        std::ranges::move(new_frames_, std::back_inserter(frames));
        std::ranges::move(new_questions_, std::back_inserter(questions));
        new_frames_.clear();
        new_questions_.clear();
    }
    std::ranges::move(questions_, std::back_inserter(questions));
    questions_.clear();
    for (OutFrame& frame : frames) {
        finish(std::move(frame), DeliveryReport::retry("the output is stopping"));
    }
    for (Question& question : questions) {
        question.on_answer(fail(ErrorCode::kCancelled, "the output is stopping"));
    }
}

async::Awaitable<void> Shipper::run() {
    while (!gate_.closed()) {
        auto ended = co_await connect_once();
        after_disconnect();
        if (fork_wanted()) {
            ended = carry_out_fork();
            if (ended) {
                continue;
            }
        }
        if (gate_.closed()) {
            co_return;
        }
        if (go_back_to_) {
            endpoint_ = *std::exchange(go_back_to_, std::nullopt);
            continue;
        }
        note_failure(ended ? fail(ErrorCode::kClosed, "the connection ended") : ended.error());
        const SteadyTime until = clock_.steady_now() + backoff_.next();
        while (clock_.steady_now() < until && !fork_wanted()) {
            auto waited = co_await wake_.wait(until);
            if (!waited && waited.error().code == ErrorCode::kCancelled) {
                co_return;
            }
        }
    }
}

async::Awaitable<Result<void>> Shipper::connect_once() {
    tried_ = endpoint_;
    const net::Endpoint endpoint = setup_.endpoints[endpoint_];
    net::ConnectOptions options;
    options.deadline = clock_.steady_now() + setup_.connect_timeout;
    options.tls = setup_.tls;
    auto stream = co_await net::connect(endpoint, options);
    refresh_credentials();
    if (!stream) {
        co_return std::move(stream).error();
    }
    auto session = std::make_shared<Session>();
    session->stream = *std::move(stream);
    session->splitter.trust();
    session->last_heard = clock_.steady_now();
    session->last_sent = session->last_heard;
    auto result = co_await converse(session);
    session->stream.close();
    // Not at the welcome: a collector that lets in and throws out must not be tried in a loop.
    const SteadyTime now = clock_.steady_now();
    if (session->phase == Phase::kAccepted && now - session->accepted_at > kSteadyAfter) {
        if (window_.sent_bytes() == 0) {
            lasted_until_ = now;  // one that answered nothing was of no use, however long it was
        }
        all_is_well();
    }
    co_return std::move(result);
}

async::Awaitable<void> Shipper::probe(size_t endpoint) {
    const net::Endpoint to = setup_.endpoints[endpoint];
    net::ConnectOptions options;
    options.deadline = clock_.steady_now() + setup_.connect_timeout;
    options.tls = setup_.tls;
    auto stream = co_await net::connect(to, options);
    probing_ = false;
    probe_at_ = clock_.steady_now() + setup_.retry_max;
    if (stream) {
        stream->close();
        if (window_.pinned_elsewhere() == endpoint) {
            go_back_to_ = endpoint;
        }
    }
    wake_.set();
}

void Shipper::probe_when_due() {
    const std::optional<size_t> endpoint = window_.pinned_elsewhere();
    if (!endpoint || probing_ || go_back_to_ || clock_.steady_now() < probe_at_) {
        return;
    }
    probing_ = true;
    if (!gate_.spawn(executor_, "ship probe " + setup_.id, probe(*endpoint))) {
        probing_ = false;  // the output is stopping
    }
}

void Shipper::refresh_credentials() {
    if (setup_.tls != nullptr) {
        const net::TlsReloads now = setup_.tls->reloads();
        metrics_.reloaded.add(now.loaded - tls_seen_.loaded);
        metrics_.not_reloaded.add(now.failed - tls_seen_.failed);
        tls_seen_ = now;
    }
    if (setup_.token_file.empty()) {
        return;
    }
    auto token = read_token_file(fs_, setup_.token_file);
    if (token) {
        metrics_.reloaded.add(*token != token_ ? 1 : 0);
        token_ = *std::move(token);
        token_problem_.clear();
        return;
    }
    if (token.error().message != std::exchange(token_problem_, token.error().message)) {
        metrics_.not_reloaded.add();
        log::error(
            "ship",
            "the token file cannot be used; the token before stays in use",
            {{"output", setup_.id}, {"error", token_problem_}}
        );
    }
}

async::Awaitable<Result<void>> Shipper::converse(std::shared_ptr<Session> session) {
    const SteadyTime greeting_deadline = clock_.steady_now() + kGreetingMax;
    session->stream.set_write_deadline(greeting_deadline);
    session->stream.set_read_deadline(greeting_deadline);
    session->hello_at = clock_.wall_now();
    const std::string hello = hello_bytes(session->hello_at);
    auto greeted = co_await session->stream.write(hello);
    if (greeted) {
        greeted = co_await greet(session);
    }
    if (!greeted) {
        co_return std::move(greeted);
    }
    session->stream.set_read_deadline(SteadyTime::max());
    auto spawned = gate_.spawn(executor_, "ship read " + setup_.id, read_loop(session));
    if (!spawned) {
        co_return std::move(spawned);
    }
    auto written = co_await write_loop(session);
    session->stream.close();
    co_await reader_done_.wait_uncancelled();
    if (session->error) {
        co_return *session->error;
    }
    co_return std::move(written);
}

async::Awaitable<Result<void>> Shipper::greet(std::shared_ptr<Session> session) {
    while (session->phase == Phase::kGreeting) {
        auto message = session->splitter.next();
        if (!message) {
            co_return std::move(message).error().context(session->stream.peer());
        }
        if (message->has_value()) {
            SEYIR_CO_CHECK(handle(*session, **message));
            continue;
        }
        const std::span<char> room = session->splitter.prepare(kReadBytes);
        auto bytes = co_await session->stream.read_some(room);
        if (!bytes) {
            co_return std::move(bytes).error();
        }
        if (*bytes == 0) {
            co_return fail(
                ErrorCode::kClosed,
                session->stream.peer() +
                    " closed the connection before a welcome: does it speak TLS, or another "
                    "protocol?"
            );
        }
        session->splitter.commit(*bytes);
    }
    co_return Result<void>{};
}

async::Awaitable<void> Shipper::read_loop(std::shared_ptr<Session> session) {
    while (!session->error) {
        auto message = session->splitter.next();
        if (!message) {
            session->error = std::move(message).error().context(session->stream.peer());
            break;
        }
        if (message->has_value()) {
            if (auto handled = handle(*session, **message); !handled) {
                session->error = std::move(handled).error();
            }
            wake_.set();
            continue;
        }
        const std::span<char> room = session->splitter.prepare(kReadBytes);
        auto bytes = co_await session->stream.read_some(room);
        if (!bytes) {
            session->error = std::move(bytes).error();
        } else if (*bytes == 0) {
            session->error =
                fail(ErrorCode::kClosed, session->stream.peer() + " closed the connection");
        } else {
            session->splitter.commit(*bytes);
            session->last_heard = clock_.steady_now();
            session->pinged = false;
        }
    }
    wake_.set();
    reader_done_.set();
}

async::Awaitable<Result<void>> Shipper::write_loop(std::shared_ptr<Session> session) {
    std::string head;
    while (!session->error && !fork_wanted()) {
        take_inbox();
        credit_bytes_ = session->credit_bytes;
        publish_status();
        SEYIR_CO_CHECK(check_alive(*session));
        probe_when_due();
        if (go_back_to_ && window_.sent_bytes() == 0) {
            co_return fail(ErrorCode::kClosed, "going back for frames that wait there");
        }
        add_control(*session);
        const std::shared_ptr<const std::string> payload = add_frame(*session);
        if (session->out.empty()) {
            const SteadyTime until = wake_at(*session);
            auto woken = co_await wake_.wait(until);
            if (!woken && woken.error().code == ErrorCode::kCancelled) {
                co_return std::move(woken);
            }
            continue;
        }
        head.clear();
        head.swap(session->out);
        session->last_sent = clock_.steady_now();
        session->stream.set_write_deadline(session->last_sent + setup_.ack_timeout);
        const std::string_view body = payload ? std::string_view(*payload) : std::string_view();
        auto written = co_await session->stream.write(head, body);
        session->stream.set_write_deadline(SteadyTime::max());
        if (!written) {
            co_return std::move(written);
        }
    }
    co_return fail(ErrorCode::kClosed, "the connection ended");
}

void Shipper::after_disconnect() {
    metrics_.connected.set(0);
    connected_since_.reset();
    window_.on_disconnect();
    publish_status();
    for (Question& question : questions_) {
        question.request = 0;
        question.answer.lanes.clear();
    }
    // What this one may have stored stays pinned to it: FrameWindow::set_place.
    if (!std::exchange(accepted_, false)) {
        endpoint_ = (endpoint_ + 1) % setup_.endpoints.size();
    }
}

void Shipper::note_failure(const Error& error) {
    set_health(error.message);
    const SteadyTime now = clock_.steady_now();
    LoggedFailure& logged = logged_failures_[tried_];
    if (error.message != logged.message || now - logged.at > kLogAgainAfter) {
        logged = {error.message, now};
        log::warn(
            "ship",
            "no collector takes this agent's records; trying again until one does",
            {{"output", setup_.id}, {"why", error.message}}
        );
    }
}

void Shipper::push(OutFrame frame) {
    {
        const std::lock_guard lock(mutex_);
        new_frames_.push_back(std::move(frame));
    }
    wake_.set();
}

void Shipper::ask(std::vector<SourceKey> lanes, pipeline::PositionSource::OnAnswer on_answer) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopped_) {
            new_questions_.push_back({std::move(lanes), std::move(on_answer), {}, 0});
            on_answer = nullptr;
        }
    }
    if (on_answer) {
        on_answer(fail(ErrorCode::kCancelled, "the output is stopping"));
        return;
    }
    wake_.set();
}

void Shipper::fork(std::string detail) {
    {
        const std::lock_guard lock(mutex_);
        fork_detail_ = std::move(detail);
    }
    wake_.set();
}

void Shipper::report_event(std::string kind, std::string detail) {
    {
        const std::lock_guard lock(mutex_);
        new_events_.push_back({clock_.wall_now(), std::move(kind), std::move(detail)});
    }
    wake_.set();
}

void Shipper::on_store_changed(std::function<void()> listener) {
    const std::lock_guard lock(mutex_);
    store_listeners_.push_back(std::move(listener));
}

pipeline::ComponentHealth Shipper::health() const {
    const std::lock_guard lock(mutex_);
    return {health_.empty(), health_};
}

ShipStatus Shipper::status() const {
    const std::lock_guard lock(mutex_);
    ShipStatus status = status_;
    status.problem = status.is_connected ? "" : health_;
    return status;
}

void Shipper::publish_status() {
    const std::lock_guard lock(mutex_);
    status_.endpoint = setup_.endpoints[endpoint_].text();
    status_.is_connected = connected_since_.has_value();
    status_.credit_bytes = status_.is_connected ? credit_bytes_ : 0;
    status_.under_way_bytes = window_.sent_bytes();
    status_.waiting_frames = window_.size();
    status_.held_frames = window_.held();
    status_.acked_at = acked_at_;
    status_.connected_since = connected_since_;
    status_.lasted_until = lasted_until_;
}

AgentId Shipper::agent_id() const {
    const std::lock_guard lock(mutex_);
    return identity_.agent;
}

void Shipper::set_health(std::string message) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(message);
}

bool Shipper::fork_wanted() const {
    const std::lock_guard lock(mutex_);
    return fork_detail_.has_value();
}

}  // namespace seyir::ship

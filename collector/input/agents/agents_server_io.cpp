// SPDX-License-Identifier: Apache-2.0
// Accepting, greeting and the two loops of a connection. What frames and questions mean:
// agents_frames_io.cpp.
#include "collector/input/agents/agents_server_io.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/async/event.hpp"
#include "common/async/offload.hpp"
#include "common/base/log.hpp"
#include "common/base/units.hpp"

namespace seyir::collector::input {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr auto kPingAfter = std::chrono::seconds(15);
constexpr auto kSilentMax = std::chrono::seconds(45);
constexpr auto kWriteMax = std::chrono::seconds(60);
constexpr auto kInUseMax = std::chrono::seconds(30);
constexpr auto kGoodbyeMax = std::chrono::seconds(2);
constexpr auto kStopMax = std::chrono::seconds(5);
constexpr int kClaimTurnsMax = 3;

std::string host_of(const std::string& peer) {
    return peer.substr(0, peer.rfind(':'));
}

}  // namespace

AgentsMetrics::AgentsMetrics(metrics::Registry& r, const std::string& id)
    : registry(r),
      input(id),
      connections(
          r.gauge("seyir_collector_agents_connections", "Open agent connections", {{"input", id}})
      ),
      frames(r.counter(
          "seyir_collector_agents_frames_total", "Frames taken from agents", {{"input", id}}
      )),
      rows(r.counter(
          "seyir_collector_agents_rows_total", "Records taken from agents", {{"input", id}}
      )),
      metric_rows(r.counter(
          "seyir_collector_agents_metric_rows_total",
          "Metric samples of hosts taken from agents",
          {{"input", id}}
      )),
      duplicates(r.counter(
          "seyir_collector_agents_duplicate_rows_total",
          "Records that were stored before",
          {{"input", id}}
      )),
      raw_bytes(r.counter(
          "seyir_collector_agents_raw_bytes_total", "Line bytes taken from agents", {{"input", id}}
      )),
      wire_bytes(r.counter(
          "seyir_collector_agents_wire_bytes_total", "Payload bytes as received", {{"input", id}}
      )),
      events(r.counter(
          "seyir_collector_agents_events_total", "Events agents reported", {{"input", id}}
      )),
      wrong_clocks(r.counter(
          "seyir_collector_agents_wrong_clocks_total",
          "Connections of agents whose clock was more than 10 s from the collector's",
          {{"input", id}}
      )),
      in_flight_bytes(r.gauge(
          "seyir_collector_agents_in_flight_bytes",
          "Unpacked bytes of frames without an answer",
          {{"input", id}}
      )),
      ack_seconds(r.histogram(
          "seyir_collector_agents_ack_seconds",
          "From a frame's arrival to its answer",
          metrics::latency_buckets(),
          {{"input", id}}
      )) {}

metrics::Counter& AgentsMetrics::tls_reloads(const std::string& outcome) {
    return registry.counter(
        "seyir_collector_agents_tls_reloads_total",
        "Changed certificate and authority files",
        {{"input", input}, {"outcome", outcome}}
    );
}

metrics::Counter& AgentsMetrics::refused(const std::string& reason) {
    return registry.counter(
        "seyir_collector_agents_refused_total",
        "Connections and frames refused",
        {{"input", input}, {"reason", reason}}
    );
}

AgentsServer::AgentsServer(
    AgentsSetup setup, store::LogStore& store, io::Clock& clock, metrics::Registry& registry
)
    : setup_(std::move(setup)),
      store_(store),
      clock_(clock),
      shared_(std::make_shared<AgentsShared>(registry, setup_.id, clock)),
      runtime_("agents-io", setup_.io_threads),
      store_pool_("agents-store", 1, setup_.connections_max + 1024) {
    shared_->retry_after_ms = setup_.retry_after_ms;
    for (size_t i = 0; i < runtime_.size(); ++i) {
        decoders_.push_back(std::make_unique<BatchDecoder>());
    }
}

AgentsServer::~AgentsServer() {
    stop();
    const SteadyTime deadline = clock_.steady_now() + kStopMax;
    if (auto stopped = gate_.stop(deadline); !stopped) {
        log::warn("agents", stopped.error().message);
    }
}

Result<void> AgentsServer::start(pipeline::Submit submit) {
    net::ListenOptions options;
    options.tls = setup_.tls;
    const async::Executor executor = runtime_.executor(0);
    SEYIR_TRY(net::Listener listener, net::listen(executor, setup_.listen, options));
    local_ = listener.local();
    submit_ = std::move(submit);
    log::info("agents", "listening", {{"input", setup_.id}, {"address", local_.text()}});
    return accept_gate_.spawn(executor, "agents accept", accept_loop(std::move(listener)));
}

void AgentsServer::stop() {
    {
        const std::unique_lock lock(submit_mutex_);
        if (std::exchange(stopping_, true)) {
            return;
        }
    }
    if (auto stopped = accept_gate_.stop(clock_.steady_now() + kStopMax); !stopped) {
        log::warn("agents", stopped.error().message);
    }
    directory_.finish_all();
}

void AgentsServer::count_tls_reloads() {
    if (setup_.tls == nullptr) {
        return;
    }
    const std::lock_guard lock(tls_mutex_);
    const net::TlsReloads now = setup_.tls->reloads();
    const auto count = [&](const char* outcome, uint64_t more) {
        if (more != 0) {
            shared_->metrics.tls_reloads(outcome).add(more);
        }
    };
    count("loaded", now.loaded - tls_seen_.loaded);
    count("failed", now.failed - tls_seen_.failed);
    tls_seen_ = now;
}

async::Awaitable<void> AgentsServer::accept_loop(net::Listener listener) {
    size_t next_thread = 0;
    while (true) {
        const size_t thread = next_thread++ % runtime_.size();
        const async::Executor executor = runtime_.executor(thread);
        auto stream = co_await listener.accept(executor);
        if (!stream) {
            const ErrorCode code = stream.error().code;
            if (code == ErrorCode::kCancelled || code == ErrorCode::kClosed) {
                break;
            }
            if (directory_.may_log("accept", clock_.steady_now())) {
                log::warn("agents", "cannot accept", {{"why", stream.error().message}});
            }
            const SteadyTime again = clock_.steady_now() + std::chrono::milliseconds(100);
            auto slept = co_await async::sleep_until(again);
            if (!slept) {
                break;
            }
            continue;
        }
        if (connections_.load() >= setup_.connections_max) {
            shared_->metrics.refused("connections_max").add();
            directory_.on_refused("connections_max");
            continue;  // closing tells the peer soon enough; it tries again
        }
        auto place = peers_.take(stream->peer());
        if (!place) {
            shared_->metrics.refused("peer_share").add();
            directory_.on_refused("peer_share");
            continue;
        }
        connections_.fetch_add(1);
        auto spawned = gate_.spawn(
            executor, "agent connection", serve(*std::move(stream), *std::move(place), thread)
        );
        if (!spawned) {
            connections_.fetch_sub(1);
        }
    }
    listener.close();
}

async::Awaitable<void> AgentsServer::serve(
    net::Stream stream, net::PeerShare::Place /*held until it ends*/, size_t thread
) {
    auto connection = std::make_shared<Connection>();
    connection->stream = std::move(stream);
    connection->thread = thread;
    const async::Executor executor = connection->stream.executor();
    connection->writer = std::make_shared<async::Event>(executor);
    connection->reader = std::make_shared<async::Event>(executor);
    connection->writer_done = std::make_shared<async::Event>(executor);
    connection->link = std::make_shared<AgentLink>(connection->writer, connection->reader);
    shared_->metrics.connections.set(static_cast<double>(connections_.load()));
    auto refusal = co_await authenticate(connection);
    if (!refusal && connection->phase != Phase::kNew) {
        auto spawned = gate_.spawn(executor, "agent answers", write_loop(connection));
        if (spawned) {
            refusal = co_await read_loop(connection);
            connection->ended = true;
            connection->writer->set();
            co_await connection->writer_done->wait_uncancelled();
        }
    }
    if (refusal) {
        co_await refuse(connection, *refusal);
    }
    connection->link->close();
    directory_.release(connection->hello.agent, connection->link, clock_.wall_now());
    connection->stream.close();
    connections_.fetch_sub(1);
    shared_->metrics.connections.set(static_cast<double>(connections_.load()));
}

async::Awaitable<Result<wire::RawMessage>> AgentsServer::next_message(ConnectionPtr connection) {
    while (true) {
        auto message = connection->splitter.next();
        if (!message) {
            co_return std::move(message).error();
        }
        if (message->has_value()) {
            co_return **message;
        }
        const std::span<char> room = connection->splitter.prepare(kReadBytes);
        auto bytes = co_await connection->stream.read_some(room);
        if (!bytes) {
            co_return std::move(bytes).error();
        }
        if (*bytes == 0) {
            const size_t pending = connection->splitter.pending_bytes();
            co_return fail(
                pending > 0 ? ErrorCode::kCorrupt : ErrorCode::kClosed,
                fmt::format(
                    "the connection ended {} bytes into a message at byte {}",
                    pending,
                    connection->splitter.offset()
                )
            );
        }
        connection->splitter.commit(*bytes);
    }
}

Result<void> AgentsServer::may_ship(std::string_view token) const {
    if (setup_.joined != nullptr && setup_.joined->agent_of(token)) {
        return {};
    }
    if (setup_.joined != nullptr && setup_.authenticator.is_open()) {
        return fail(ErrorCode::kUnauthorized, "no agent joined with it");
    }
    const auto granted =
        setup_.authenticator.check_token(token, net::Scope::kIngest, clock_.wall_now());
    return granted ? Result<void>() : Result<void>(granted.error().error);
}

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::authenticate(
    ConnectionPtr connection
) {
    const SteadyTime deadline = clock_.steady_now() + setup_.hello_timeout;
    connection->stream.set_read_deadline(deadline);
    connection->stream.set_write_deadline(deadline + setup_.probe_timeout);
    auto shaken = co_await connection->stream.handshake();
    count_tls_reloads();
    if (!shaken) {
        note_refused(*connection, {wire::RefuseCode::kBusy, "tls", shaken.error().message});
        co_return std::nullopt;
    }
    auto message = co_await next_message(connection);
    if (!message) {
        const Error& error = message.error();
        if (error.code == ErrorCode::kUnsupported) {
            co_return Refusal{wire::RefuseCode::kVersion, "version", error.message};
        }
        if (error.code == ErrorCode::kTooLarge || error.code == ErrorCode::kCorrupt) {
            co_return Refusal{wire::RefuseCode::kBadMessage, "bad_message", error.message};
        }
        if (error.code == ErrorCode::kTimeout) {
            note_refused(*connection, {wire::RefuseCode::kBusy, "no_hello", error.message});
        }
        co_return std::nullopt;
    }
    if (message->type != wire::MessageType::kHello) {
        const std::string what = "the first message must be a hello";
        co_return Refusal{wire::RefuseCode::kBadMessage, "bad_message", what};
    }
    auto hello = wire::decode_hello(message->body);
    if (!hello || hello->agent.is_zero()) {
        const std::string what = hello ? "hello without an agent id" : hello.error().message;
        co_return Refusal{wire::RefuseCode::kBadMessage, "bad_message", what};
    }
    const auto granted_token = may_ship(hello->token);
    if (!granted_token) {
        const std::string what = hello->token.empty()
                                     ? "no token given"
                                     : "wrong token: " + granted_token.error().message;
        co_return Refusal{wire::RefuseCode::kBadToken, "bad_token", what};
    }
    connection->splitter.trust();
    connection->hello = *std::move(hello);
    if (const UnixNanos theirs = connection->hello.sent_at; theirs.value != 0) {
        connection->clock_skew = wire::clock_skew(theirs, clock_.wall_now());
    }
    const bool granted = co_await claim_id(connection);
    if (!granted) {
        connection->phase = Phase::kInUse;
        const Refusal refusal{
            wire::RefuseCode::kInUse,
            "in_use",
            fmt::format("another agent with the id {} is running", connection->hello.agent.to_hex())
        };
        note_refused(*connection, refusal);
        std::string out;
        wire::append_preface(out);
        wire::append_message(out, wire::Refuse{refusal.code, 5000, refusal.message});
        connection->link->queue(out);
        co_return std::nullopt;
    }
    auto refusal = co_await welcome(connection);
    co_return std::move(refusal);
}

async::Awaitable<bool> AgentsServer::claim_id(ConnectionPtr connection) {
    AgentsDirectory::LinkPtr presumed_dead;
    const wire::Hello& hello = connection->hello;
    for (int turn = 0; turn < kClaimTurnsMax; ++turn) {
        auto claim =
            directory_.claim(hello.agent, hello.process_nonce, connection->link, presumed_dead);
        if (claim.granted) {
            if (claim.other) {
                claim.other->fence("a newer connection of this agent took over");
            }
            co_return true;
        }
        auto answered = std::make_shared<async::Event>(connection->stream.executor());
        claim.other->probe(answered);
        const SteadyTime deadline = clock_.steady_now() + setup_.probe_timeout;
        auto waited = co_await answered->wait(deadline);
        if (claim.other->answered_probe() ||
            (!waited && waited.error().code == ErrorCode::kCancelled)) {
            co_return false;
        }
        presumed_dead = claim.other;
    }
    co_return false;
}

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::welcome(
    ConnectionPtr connection
) {
    const AgentId agent = connection->hello.agent;
    auto begin = [this, agent] { return store_.begin_epoch(TenantId::kDefault, agent); };
    auto epoch = co_await async::offload(store_pool_, std::move(begin));
    if (!epoch) {
        const std::string what = "the store cannot begin an epoch: " + epoch.error().message;
        co_return Refusal{wire::RefuseCode::kBusy, "store", what};
    }
    connection->epoch = *epoch;
    connection->phase = Phase::kAccepted;
    const store::StoreStats stats = store_.stats();
    wire::Welcome message;
    message.store_id = stats.store_id;
    message.restore_generation = stats.restore_generation;
    message.epoch = *epoch;
    message.credit_bytes = setup_.credit_bytes;
    message.features = wire::kTakesMetrics;
    message.payload_bytes_max = wire::kPayloadBytesMax;
    message.server_version = setup_.server_version;
    message.sent_at = clock_.wall_now();
    std::string out;
    wire::append_preface(out);
    wire::append_message(out, message);
    connection->link->queue(out);
    AgentState state;
    state.agent = agent;
    state.connected = true;
    state.hostname = connection->hello.hostname;
    state.peer = connection->stream.peer();
    state.version = connection->hello.agent_version;
    state.epoch = *epoch;
    state.since = clock_.wall_now();
    state.clock_skew = connection->clock_skew;
    note_connected(state);
    log::info(
        "agents",
        "agent connected",
        {{"peer", state.peer}, {"host", state.hostname}, {"agent", agent.to_hex()}}
    );
    co_return std::nullopt;
}

void AgentsServer::note_connected(const AgentState& state) {
    const bool tells = directory_.connected(state);
    shared_->metrics.wrong_clocks.add(state.clock_is_wrong() ? 1 : 0);
    if (!tells) {
        return;
    }
    const std::string detail = fmt::format(
        "its clock is {} {} the collector's; its records are stored with the times it gives",
        format_duration(std::chrono::round<std::chrono::seconds>(std::chrono::abs(*state.clock_skew)
        )),
        *state.clock_skew > Nanos(0) ? "ahead of" : "behind"
    );
    log::warn(
        "agents",
        "an agent's clock or the collector's is wrong",
        {{"host", state.hostname},
         {"agent", state.agent.to_hex()},
         {"kind", "clock_skew"},
         {"detail", detail}}
    );
    directory_.on_event({clock_.wall_now(), state.agent, state.hostname, "clock_skew", detail});
}

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::read_loop(
    ConnectionPtr connection
) {
    const bool in_use = connection->phase == Phase::kInUse;
    while (!connection->ended) {
        const Nanos patience = in_use ? Nanos(kInUseMax) : Nanos(kSilentMax);
        connection->stream.set_read_deadline(clock_.steady_now() + patience);
        auto message = co_await next_message(connection);
        if (!message) {
            const Error& error = message.error();
            if (error.code == ErrorCode::kTooLarge || error.code == ErrorCode::kCorrupt) {
                co_return Refusal{wire::RefuseCode::kBadMessage, "bad_message", error.message};
            }
            co_return std::nullopt;
        }
        if (message->type == wire::MessageType::kGoodbye) {
            co_return std::nullopt;
        }
        auto refusal = co_await handle(connection, *message);
        if (refusal) {
            co_return std::move(refusal);
        }
    }
    co_return std::nullopt;
}

async::Awaitable<void> AgentsServer::write_loop(ConnectionPtr connection) {
    connection->last_sent = clock_.steady_now();
    while (!connection->ended) {
        AgentLink::Work work = connection->link->take();
        const bool ends = work.fenced || work.finished;
        if (work.fenced) {
            wire::append_message(
                work.bytes, wire::Refuse{wire::RefuseCode::kFenced, 0, work.fence_reason}
            );
        } else if (work.finished) {
            wire::append_message(work.bytes, wire::Goodbye{"the collector is shutting down"});
        }
        const SteadyTime now = clock_.steady_now();
        if (work.bytes.empty() && now - connection->last_sent >= kPingAfter) {
            wire::append_ping(work.bytes, 0);
        }
        if (work.bytes.empty()) {
            auto woken = co_await connection->writer->wait(connection->last_sent + kPingAfter);
            if (!woken && woken.error().code == ErrorCode::kCancelled) {
                break;
            }
            continue;
        }
        connection->last_sent = now;
        connection->stream.set_write_deadline(now + kWriteMax);
        auto written = co_await connection->stream.write(work.bytes);
        connection->stream.set_write_deadline(SteadyTime::max());
        if (!written || ends) {
            break;
        }
    }
    if (!connection->ended) {
        connection->ended = true;
        connection->stream.close();  // wakes the reader
    }
    connection->reader->set();
    connection->writer_done->set();
}

async::Awaitable<void> AgentsServer::refuse(ConnectionPtr connection, Refusal refusal) {
    note_refused(*connection, refusal);
    std::string out;
    if (connection->phase == Phase::kNew) {
        wire::append_preface(out);
    }
    const uint32_t again_ms = refusal.code == wire::RefuseCode::kBusy ? setup_.retry_after_ms : 0;
    wire::append_message(out, wire::Refuse{refusal.code, again_ms, refusal.message});
    const SteadyTime deadline = clock_.steady_now() + kGoodbyeMax;
    connection->stream.set_write_deadline(deadline);
    connection->stream.set_read_deadline(deadline);
    auto written = co_await connection->stream.write(out);
    // Closing with unread bytes resets the connection, and the peer would not see the reason.
    std::vector<char> room(written ? kReadBytes : 0);
    while (written && connection->stream.is_open()) {
        auto bytes = co_await connection->stream.read_some(room);
        if (!bytes || *bytes == 0) {
            break;
        }
    }
}

void AgentsServer::note_refused(const Connection& connection, const Refusal& refusal) {
    shared_->metrics.refused(refusal.reason).add();
    directory_.on_refused(refusal.reason);
    const std::string& peer = connection.stream.peer();
    if (directory_.may_log(host_of(peer) + " " + refusal.reason, clock_.steady_now())) {
        log::warn(
            "agents",
            "connection refused",
            {{"peer", peer},
             {"host", connection.hello.hostname},
             {"reason", refusal.reason},
             {"why", refusal.message}}
        );
    }
}

}  // namespace seyir::collector::input

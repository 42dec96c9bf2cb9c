// SPDX-License-Identifier: Apache-2.0
// AgentsServer: the sockets of AgentsInput: accepts, greets, reads frames, writes answers.
// Threads: start(), stop() by the owner; each connection lives on one I/O thread.
// Ownership: tokens of frames may outlive it; they hold AgentLink and AgentsShared only.
// Spec: docs/format/wire.md, "Conversation".
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "collector/input/agents/agent_link.hpp"
#include "collector/input/agents/agents_directory.hpp"
#include "collector/input/agents/agents_setup.hpp"
#include "collector/store/log_store.hpp"
#include "common/async/gate.hpp"
#include "common/async/runtime.hpp"
#include "common/async/thread_pool.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/peer_share.hpp"
#include "common/net/stream.hpp"
#include "common/pipeline/input.hpp"
#include "common/record/batch_codec.hpp"
#include "common/wire/message_splitter.hpp"

namespace seyir::collector::input {

struct AgentsMetrics {
    AgentsMetrics(metrics::Registry& registry, const std::string& input);

    /// Connections and frames refused, by reason.
    metrics::Counter& refused(const std::string& reason);
    metrics::Counter& tls_reloads(const std::string& outcome);

    metrics::Registry& registry;
    std::string input;
    metrics::Gauge& connections;
    metrics::Counter& frames;
    metrics::Counter& rows;
    metrics::Counter& metric_rows;
    metrics::Counter& duplicates;
    metrics::Counter& raw_bytes;
    metrics::Counter& wire_bytes;
    metrics::Counter& events;
    metrics::Counter& wrong_clocks;
    metrics::Gauge& in_flight_bytes;
    metrics::Histogram& ack_seconds;
};

/// What a frame's token needs when its answer comes.
struct AgentsShared {
    AgentsShared(metrics::Registry& registry, const std::string& input, io::Clock& c)
        : metrics(registry, input), clock(c) {}

    AgentsMetrics metrics;
    io::Clock& clock;
    std::atomic<uint64_t> in_flight_bytes{0};
    uint32_t retry_after_ms = 0;
};

class AgentsServer {
  public:
    AgentsServer(
        AgentsSetup setup, store::LogStore& store, io::Clock& clock, metrics::Registry& registry
    );
    ~AgentsServer();

    Result<void> start(pipeline::Submit submit);
    void stop();

    AgentsStatus status() const { return directory_.status(); }

    const net::Endpoint& local() const { return local_; }

    bool may_join() const { return setup_.joined != nullptr; }

  private:
    enum class Phase { kNew, kAccepted, kInUse };

    struct Connection {
        net::Stream stream;
        wire::MessageSplitter splitter;
        wire::Hello hello;
        std::optional<Nanos> clock_skew;  ///< of the agent, when it told its time
        Phase phase = Phase::kNew;
        size_t thread = 0;  ///< whose decoder it uses
        std::shared_ptr<AgentLink> link;
        std::shared_ptr<async::Event> writer;
        std::shared_ptr<async::Event> reader;
        std::shared_ptr<async::Event> writer_done;
        uint32_t epoch = 0;
        uint64_t last_seq = 0;
        bool is_slowed = false;  ///< was told of little credit
        bool ended = false;      ///< either loop has ended
        SteadyTime last_sent;
    };

    using ConnectionPtr = std::shared_ptr<Connection>;

    /// Why a connection ends with a refusal.
    struct Refusal {
        wire::RefuseCode code;
        std::string reason;   ///< metric label
        std::string message;  ///< for the peer and the log
    };

    async::Awaitable<void> accept_loop(net::Listener listener);
    /// After a handshake, which is when changed files are read.
    void count_tls_reloads();
    async::Awaitable<void> serve(net::Stream stream, net::PeerShare::Place place, size_t thread);
    /// By a configured token, or one of an agent that joined.
    Result<void> may_ship(std::string_view token) const;
    async::Awaitable<std::optional<Refusal>> authenticate(ConnectionPtr connection);
    async::Awaitable<Result<wire::RawMessage>> next_message(ConnectionPtr connection);
    async::Awaitable<bool> claim_id(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> welcome(ConnectionPtr connection);
    void note_connected(const AgentState& state);
    async::Awaitable<std::optional<Refusal>> read_loop(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> handle(
        ConnectionPtr connection, wire::RawMessage message
    );
    async::Awaitable<void> write_loop(ConnectionPtr connection);
    async::Awaitable<void> refuse(ConnectionPtr connection, Refusal refusal);
    async::Awaitable<std::optional<Refusal>> on_frame(
        ConnectionPtr connection, std::string_view body
    );
    async::Awaitable<std::optional<Refusal>> on_ask(
        ConnectionPtr connection, std::string_view body
    );
    async::Awaitable<void> wait_for_room(ConnectionPtr connection, uint64_t raw_bytes);

    /// Credit for as long as the disk is short of space, and again the usual one.
    void tell_credit(Connection& connection) const;

    std::optional<Refusal> on_event(Connection& connection, std::string_view body);
    std::optional<Refusal> take_frame(Connection& connection, const wire::Frame& frame);
    std::optional<Refusal> take_relayed(
        Connection& connection, const wire::Frame& frame, const RecordBatch& relayed
    );
    /// `refused`: what the answer says besides the outputs'.
    void submit(
        Connection& connection,
        const wire::Frame& frame,
        std::shared_ptr<RecordBatch> batch,
        RelayTarget* target = nullptr,
        std::string refused = {}
    );
    Result<wire::Committed> committed(AgentId agent, const wire::Ask& ask);
    void note_refused(const Connection& connection, const Refusal& refusal);

    const AgentsSetup setup_;
    store::LogStore& store_;
    io::Clock& clock_;
    std::shared_ptr<AgentsShared> shared_;
    AgentsDirectory directory_;
    pipeline::Submit submit_;
    std::shared_mutex submit_mutex_;  ///< held shared while submitting; stop() takes it whole
    bool stopping_ = false;
    std::atomic<size_t> connections_{0};
    net::PeerShare peers_{setup_.connections_max};
    net::Endpoint local_;
    std::mutex tls_mutex_;
    net::TlsReloads tls_seen_;
    async::Runtime runtime_;
    async::ThreadPool store_pool_;
    std::vector<std::unique_ptr<BatchDecoder>> decoders_;  ///< one an I/O thread
    async::Gate accept_gate_;
    async::Gate gate_;
};

}  // namespace seyir::collector::input

// SPDX-License-Identifier: Apache-2.0
// Shipper: the I/O half of CollectorOutput: connects, greets, keeps a window of frames under way,
// reads answers, reconnects.
// Threads: push(), ask(), fork(), report_event(), on_store_changed(), health(), agent_id() are
// thread-safe; the rest lives on the executor given.
// Ownership: what it is constructed with outlives it; stop() before destruction.
// Spec: docs/format/wire.md, "Conversation".
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/async/awaitable.hpp"
#include "common/async/event.hpp"
#include "common/async/gate.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/stream.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/ship/backoff.hpp"
#include "common/ship/frame_window.hpp"
#include "common/ship/ship_setup.hpp"
#include "common/wire/message_splitter.hpp"

namespace seyir::ship {

struct ShipMetrics {
    ShipMetrics(metrics::Registry& registry, const std::string& output);

    metrics::Gauge& connected;
    metrics::Counter& connects;
    metrics::Counter& frames;
    metrics::Counter& rows;
    metrics::Counter& raw_bytes;
    metrics::Counter& wire_bytes;
    metrics::Counter& resent;
    metrics::Counter& possible_duplicates;
    metrics::Gauge& held;
    metrics::Counter& rewinds;
    metrics::Counter& dropped;
    /// Changed TLS and token files: in use now, or not usable.
    metrics::Counter& reloaded;
    metrics::Counter& not_reloaded;
    metrics::Gauge& waiting;
    metrics::Gauge& clock_skew_seconds;
    metrics::Histogram& ack_seconds;
};

/// Where an output stands, for `seyir agent status`.
struct ShipStatus {
    std::string endpoint;  ///< connected to, or tried next
    bool is_connected = false;
    uint64_t credit_bytes = 0;           ///< the collector lets so much be under way
    uint64_t under_way_bytes = 0;        ///< sent and not answered
    uint64_t waiting_frames = 0;         ///< without an answer, sent or not
    uint64_t held_frames = 0;            ///< of those, waiting for another endpoint
    std::optional<SteadyTime> acked_at;  ///< the last answer that a frame is stored
    std::optional<SteadyTime> connected_since;
    std::optional<SteadyTime> lasted_until;  ///< pipeline::Contact
    std::string problem;                     ///< why there is no connection
};

class Shipper {
  public:
    struct Hooks {
        std::function<void(uint64_t budget_bytes)> answered;  ///< a frame has left the window
        std::function<void(const std::string& why)> forked;   ///< queued views need a new start
    };

    Shipper(
        ShipSetup setup,
        io::FileSystem& fs,
        io::Clock& clock,
        metrics::Registry& registry,
        async::Executor executor,
        Hooks hooks
    );

    Result<void> start();
    /// Ends the connection; what has no answer gets kRetry, what was asked kCancelled.
    void stop(SteadyTime deadline);

    void push(OutFrame frame);
    void ask(std::vector<SourceKey> lanes, pipeline::PositionSource::OnAnswer on_answer);
    void fork(std::string detail);
    void report_event(std::string kind, std::string detail);
    void on_store_changed(std::function<void()> listener);
    pipeline::ComponentHealth health() const;
    AgentId agent_id() const;
    ShipStatus status() const;

  private:
    /// A question may need several messages; it is sent whole again on a new connection.
    struct Question {
        std::vector<SourceKey> lanes;
        pipeline::PositionSource::OnAnswer on_answer;
        pipeline::CommittedAnswer answer;
        uint64_t request = 0;  ///< under way on this connection; 0 = not sent
    };

    /// What the last welcome said of the store behind it.
    struct StoreSeen {
        StoreId store_id;
        uint32_t restore_generation = 0;
        uint32_t epoch = 0;
    };

    struct LoggedFailure {
        std::string message;
        SteadyTime at;
    };

    enum class Phase { kGreeting, kAccepted, kInUse };

    /// One connection's state; the reader and the writer share it on the executor.
    struct Session {
        net::Stream stream;
        wire::MessageSplitter splitter;
        Phase phase = Phase::kGreeting;
        std::string out;  ///< small messages to write
        std::optional<Error> error;
        uint32_t epoch = 0;
        uint64_t features = 0;  ///< of the collector
        uint64_t credit_bytes = 0;
        uint64_t next_seq = 1;
        uint32_t refused_retry_ms = 0;
        SteadyTime throttled_until;
        SteadyTime last_heard;
        SteadyTime last_sent;
        SteadyTime in_use_since;
        SteadyTime accepted_at;
        UnixNanos hello_at;  ///< by our clock
        bool pinged = false;
    };

    async::Awaitable<void> run();
    async::Awaitable<Result<void>> connect_once();
    async::Awaitable<Result<void>> converse(std::shared_ptr<Session> session);
    async::Awaitable<Result<void>> greet(std::shared_ptr<Session> session);
    async::Awaitable<void> read_loop(std::shared_ptr<Session> session);
    async::Awaitable<Result<void>> write_loop(std::shared_ptr<Session> session);

    /// Whether the endpoint that held frames wait for takes connections again.
    async::Awaitable<void> probe(size_t endpoint);
    void probe_when_due();
    /// Before a connection: the token file, and what became of changed TLS files.
    void refresh_credentials();
    std::string hello_bytes(UnixNanos now) const;
    void compare_clocks(const Session& session, const wire::Welcome& welcome);
    Result<void> handle(Session& session, const wire::RawMessage& message);
    Result<void> on_welcome(Session& session, std::string_view body);
    void compare_store(const wire::Welcome& welcome);
    void place_frames(const Session& session, const wire::Welcome& welcome);
    Result<void> on_refuse(Session& session, std::string_view body);
    Result<void> on_committed(std::string_view body);
    Result<void> on_ack(std::string_view body);
    void take_inbox();
    void add_control(Session& session);
    /// Bytes of the next frame's header to write, and its payload; nothing when none may be sent.
    std::shared_ptr<const std::string> add_frame(Session& session);
    Result<void> check_alive(Session& session);
    SteadyTime wake_at(const Session& session) const;
    bool fork_wanted() const;
    Result<void> carry_out_fork();
    void after_disconnect();
    /// Of the endpoint tried; logged when it is another one than this endpoint's last.
    void note_failure(const Error& error);
    /// The next failure is a new one: log it, and try again soon.
    void all_is_well();
    void set_health(std::string message);
    void publish_status();
    void finish(OutFrame frame, DeliveryReport report);

    const ShipSetup setup_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    ShipMetrics metrics_;
    const async::Executor executor_;
    const Hooks hooks_;
    async::Event wake_;
    async::Event reader_done_;
    const uint64_t process_nonce_;

    // On the executor.
    FrameWindow window_;
    std::deque<Question> questions_;
    std::deque<wire::Event> events_;
    size_t endpoint_ = 0;  ///< of the connection, or to be tried next
    size_t tried_ = 0;     ///< of the present or last connection
    bool clock_is_wrong_ = false;
    uint64_t told_elsewhere_ = 0;  ///< rows, by the last such event
    bool probing_ = false;
    SteadyTime probe_at_;
    std::optional<size_t> go_back_to_;  ///< held frames can be sent there again
    std::optional<StoreSeen> store_seen_;
    bool accepted_ = false;  ///< by the present or last connection's collector
    uint64_t next_request_ = 1;
    std::string token_;
    std::string token_problem_;
    net::TlsReloads tls_seen_;
    std::vector<LoggedFailure> logged_failures_;  ///< one for each endpoint; "" = none
    std::optional<SteadyTime> connected_since_;
    std::optional<SteadyTime> lasted_until_;
    uint64_t credit_bytes_ = 0;
    std::optional<SteadyTime> acked_at_;
    Backoff backoff_;

    mutable std::mutex mutex_;
    AgentIdentity identity_;
    std::vector<OutFrame> new_frames_;
    std::vector<Question> new_questions_;
    std::vector<wire::Event> new_events_;
    std::vector<std::function<void()>> store_listeners_;
    std::optional<std::string> fork_detail_;
    std::string health_;
    ShipStatus status_;
    bool stopped_ = false;

    async::Gate gate_;  // last: its tasks end before the rest goes
};

}  // namespace seyir::ship

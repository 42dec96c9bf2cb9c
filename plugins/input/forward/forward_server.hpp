// SPDX-License-Identifier: Apache-2.0
// ForwardServer: the sockets of ForwardInput: accepts, greets, reads messages, writes acks.
// A chunk is acknowledged once all its batches are safe; if one is not, the connection ends without
// the ack and the client sends the chunk again. Messages without a chunk have no client that would
// send them again: the server itself hands them on again until they are safe.
// Threads: start(), stop() by the owner; each connection lives on one I/O thread.
// Ownership: tokens may outlive it; they hold ForwardShared and ForwardLink only.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/async/event.hpp"
#include "common/async/gate.hpp"
#include "common/async/runtime.hpp"
#include "common/codec/msgpack.hpp"
#include "common/io/clock.hpp"
#include "common/net/peer_share.hpp"
#include "common/net/stream.hpp"
#include "common/pipeline/input.hpp"
#include "plugins/input/forward/byte_budget.hpp"
#include "plugins/input/forward/forward_link.hpp"
#include "plugins/input/forward/forward_metrics.hpp"
#include "plugins/input/forward/forward_setup.hpp"

namespace seyir::plugins::forward {

/// What tokens need when their answer comes.
struct ForwardShared {
    ForwardShared(metrics::Registry& registry, const ForwardSetup& setup, io::Clock& c)
        : metrics(registry, setup.id),
          clock(c),
          budget(std::make_shared<ByteBudget>(
              std::max(setup.in_flight_bytes_max, 2 * setup.message_bytes_max), metrics.held_bytes
          )) {}

    /// A batch without a chunk that is to be handed on again.
    struct Again {
        RecordBatchPtr batch;
        std::shared_ptr<ForwardLink> link;
        BudgetShare share;
    };

    ForwardMetrics metrics;
    io::Clock& clock;
    std::shared_ptr<ByteBudget> budget;

    std::mutex mutex;
    bool stopped = false;
    std::vector<Again> again;
    std::shared_ptr<async::Event> again_event;
};

class ForwardServer {
  public:
    ForwardServer(ForwardSetup setup, io::Clock& clock, metrics::Registry& registry);
    ~ForwardServer();

    Result<void> start(pipeline::Submit submit);
    void stop();

    /// In the order of ForwardSetup::listen.
    const std::vector<net::Endpoint>& local() const { return local_; }

    const ByteBudget& budget() const { return *shared_->budget; }

  private:
    struct Connection {
        net::Stream stream;
        std::shared_ptr<ForwardLink> link;
        std::shared_ptr<async::Event> writer;
        std::shared_ptr<async::Event> room;  ///< set when the budget may have some
        std::shared_ptr<async::Event> writer_done;
        size_t thread = 0;
        bool ended = false;
        std::string buffer;  ///< its first `used` bytes count
        size_t used = 0;
        codec::MsgpackScanner scanner;
        BudgetShare receiving;  ///< for a long message
        SteadyTime begun;       ///< when the message's first byte came
    };

    using ConnectionPtr = std::shared_ptr<Connection>;

    /// Why a connection ends.
    struct Refusal {
        std::string reason;  ///< metric label
        std::string message;
    };

    /// Whole messages that came together, and the fault that ends the connection after them.
    struct Stretch {
        std::shared_ptr<const std::string> bytes;
        std::vector<std::pair<size_t, size_t>> messages;  ///< where in `bytes`, and how long
        std::optional<Refusal> fault;
        BudgetShare share;
    };

    // forward_server_io.cpp
    async::Awaitable<void> accept_loop(std::shared_ptr<net::Listener> listener);
    async::Awaitable<void> serve(net::Stream stream, net::PeerShare::Place place, size_t thread);
    async::Awaitable<std::optional<Refusal>> greet(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> authenticate(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> read_loop(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> read_more(ConnectionPtr connection);
    async::Awaitable<std::optional<Refusal>> reserve(ConnectionPtr connection);
    async::Awaitable<void> write_loop(ConnectionPtr connection);
    void find_messages(Connection& connection, Stretch& stretch);
    std::optional<Refusal> find_next(Connection& connection, size_t& at, Stretch& stretch);
    std::optional<Refusal> not_a_message(const Connection& connection, size_t at) const;
    void note_refused(const Connection& connection, const Refusal& refusal);
    bool may_log(const std::string& what);

    // forward_server_rows.cpp
    /// State of one stretch's messages while they become batches.
    struct Work {
        Work(const RowSettings& settings, TagStreams& streams) : rows(settings, streams, counts) {}

        RowCounts counts;
        RowBuilder rows;
        UnixNanos arrived;
        PushHash hash;  ///< of the chunk's next part
    };

    async::Awaitable<std::optional<Refusal>> take_messages(
        ConnectionPtr connection, Stretch& stretch
    );
    async::Awaitable<std::optional<Refusal>> take_message(
        ConnectionPtr connection,
        std::shared_ptr<const std::string> keep,
        std::string_view bytes,
        Work& work
    );
    async::Awaitable<bool> wait_for_room(ConnectionPtr connection, uint64_t bytes);
    async::Awaitable<void> take_entries(
        ConnectionPtr connection, const ForwardMessage& message, Work& work, AckToken& whole
    );
    void pass(Connection& connection, Work& work, const AckToken& whole);
    void submit_loose(Connection& connection, Work& work);
    void submit_part(Work& work, const AckToken& whole);
    void hand_on(std::shared_ptr<RecordBatch> batch, std::shared_ptr<ForwardLink> link);
    AckToken chunk_token(Connection& connection, std::string_view chunk);
    bool submit(std::shared_ptr<RecordBatch> batch);
    async::Awaitable<void> retry_loop();

    const ForwardSetup setup_;
    io::Clock& clock_;
    std::shared_ptr<ForwardShared> shared_;
    std::vector<std::unique_ptr<TagStreams>> tags_;  ///< one an I/O thread
    pipeline::Submit submit_;
    std::shared_mutex submit_mutex_;  ///< held shared while submitting; stop() takes it whole
    bool stopping_ = false;
    std::atomic<size_t> connections_{0};
    net::PeerShare peers_{setup_.connections_max};
    std::vector<net::Endpoint> local_;

    std::mutex mutex_;
    std::vector<std::weak_ptr<ForwardLink>> links_;
    std::map<std::string, SteadyTime> logged_;

    async::Runtime runtime_;
    async::Gate accept_gate_;
    async::Gate gate_;
};

}  // namespace seyir::plugins::forward

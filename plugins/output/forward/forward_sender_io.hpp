// SPDX-License-Identifier: Apache-2.0
// ForwardSender: the connection of ForwardOutput: connects, greets, writes chunks, reads acks.
// It takes what is queued as one group, writes all of it, and answers each view once the server has
// acknowledged all its chunks; nothing is sent twice by itself: what has no ack in time is answered
// with kRetry, for the buffer before the output to try again.
// Threads: push(), health() are thread-safe; the rest lives on the executor given.
// Ownership: clock and registry outlive it; stop() before destruction.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/async/event.hpp"
#include "common/async/gate.hpp"
#include "common/codec/msgpack.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/stream.hpp"
#include "common/pipeline/output.hpp"
#include "plugins/output/forward/chunk_encoder.hpp"

namespace seyir::plugins::forward {

class ForwardSender {
  public:
    ForwardSender(
        ForwardOutputSetup setup,
        ChunkEncoder encoder,
        io::Clock& clock,
        metrics::Registry& registry,
        async::Executor executor
    );

    Result<void> start();
    void push(BatchView view, pipeline::DeliverDone done);
    /// Sends what is queued while `deadline` allows, answers the rest with kRetry.
    void stop(SteadyTime deadline);
    pipeline::ComponentHealth health() const;

  private:
    struct Delivery {
        BatchView view;
        pipeline::DeliverDone done;
        size_t chunks_open = 0;
    };

    /// One connection; its reader and the writer share it on the executor.
    struct Session {
        explicit Session(net::Stream s) : stream(std::move(s)), changed(stream.executor()) {}

        net::Stream stream;
        async::Event changed;
        std::map<std::string, std::vector<Delivery*>, std::less<>> waiting;  ///< by chunk id
        std::string ended;  ///< why; "" while it lives
    };

    using SessionPtr = std::shared_ptr<Session>;

    async::Awaitable<void> run();
    async::Awaitable<Result<void>> send(std::vector<Delivery>& group);
    async::Awaitable<Result<void>> connect();
    async::Awaitable<Result<void>> greet(SessionPtr session);
    async::Awaitable<Result<std::string>> receive_value(SessionPtr session, std::string& buffer);
    async::Awaitable<void> read_acks(SessionPtr session, std::string buffer);
    Result<void> take_ack(Session& session, std::string_view bytes);
    std::string encode(std::vector<Delivery>& group, Session& session);
    std::vector<Delivery> take_group();
    void answer(std::vector<Delivery> group, const Result<void>& sent);
    void drop_session(const std::string& why);
    void note(const Result<void>& result);

    const ForwardOutputSetup setup_;
    ChunkEncoder encoder_;
    io::Clock& clock_;
    const async::Executor executor_;
    async::Event wake_;
    metrics::Counter& chunks_;
    metrics::Counter& bytes_;
    metrics::Counter& connects_;
    metrics::Counter& failures_;

    // On the executor.
    SessionPtr session_;
    size_t endpoint_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable idle_;
    std::deque<Delivery> queue_;
    size_t unanswered_ = 0;
    bool stopped_ = false;
    std::string failure_;

    async::Gate gate_;  // last: its tasks end before the rest goes
};

}  // namespace seyir::plugins::forward

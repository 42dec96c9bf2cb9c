// SPDX-License-Identifier: Apache-2.0
// TailHub: what was committed goes to the sessions of live tail.
// Room: LogStore::subscribe -> TailSession.
// Threads: thread-safe; one thread of its own feeds the sessions; the store's committer only
// queues. Limits: kQueueBytesMax of batches waiting, kSessionsMax sessions; what does not fit is
// counted. Errors: kBackpressure when there are too many sessions. Ownership: the store and the
// clock outlive it.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "collector/api/tail/tail_session.hpp"
#include "collector/store/log_store.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::collector::api {

class TailHub {
  public:
    static constexpr size_t kSessionsMax = 256;
    static constexpr size_t kQueueBytesMax = 64 * 1024 * 1024;

    /// Without a registry nothing is counted for /metrics.
    TailHub(store::LogStore& store, io::Clock& clock, metrics::Registry* registry);
    /// Ends all sessions.
    ~TailHub();
    TailHub(const TailHub&) = delete;
    TailHub& operator=(const TailHub&) = delete;

    /// From now on the session is given what is committed.
    Result<void> add(const std::shared_ptr<TailSession>& session);
    void remove(const std::shared_ptr<TailSession>& session);

  private:
    /// A batch that the queue had no room for.
    struct Lost {
        TenantId tenant;
        StreamLabelsPtr labels;
        UnixNanos ts;
        uint64_t rows = 0;
    };

    void on_committed(const BatchView& view);
    void lose(const BatchView& view);
    void run();
    void serve_sessions();

    store::LogStore& store_;
    io::Clock& clock_;
    metrics::Counter* dropped_ = nullptr;
    metrics::Gauge* open_ = nullptr;

    std::mutex mutex_;
    std::condition_variable work_;
    std::vector<std::shared_ptr<TailSession>> sessions_;
    std::deque<BatchView> queue_;
    size_t queue_bytes_ = 0;
    std::vector<Lost> lost_;
    bool is_stopping_ = false;
    std::shared_ptr<void> subscription_;
    std::thread thread_;
};

}  // namespace seyir::collector::api

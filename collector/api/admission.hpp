// SPDX-License-Identifier: Apache-2.0
// Admission: how many queries run at the same time; the rest wait in order, and what does not fit
// is refused at once. A query that waits holds no thread, so cheap calls always find one. A thread
// of its own refuses who has waited too long, lets go of who has left, and gives the memory that
// large queries held back to the host.
// Threads: thread-safe; run() works on the calling thread and then on what waited meanwhile.
// Errors: 429 with Retry-After when too many wait or one has waited too long; 499 when its client
// has gone; 500 when the work throws, which frees its place like any other end.
// Ownership: the clock outlives it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

struct AdmissionLimits {
    size_t running_max = 3;  ///< one less than the threads of the query lane
    size_t waiting_max = 128;
    Nanos waiting_time_max = std::chrono::seconds(60);
    Nanos look_every = std::chrono::seconds(1);  ///< at those who wait, in the host's time
};

class Admission {
  public:
    /// Without a registry nothing is counted for /metrics.
    Admission(AdmissionLimits limits, io::Clock& clock, metrics::Registry* registry);
    ~Admission();
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    using Work = std::function<void(const net::HttpExchangePtr&)>;

    void run(const net::HttpExchangePtr& exchange, Work work);
    /// At once, without a place: for what costs next to nothing. What it throws is answered too.
    void run_cheap(const net::HttpExchangePtr& exchange, const Work& work) noexcept;

  private:
    struct Waiting {
        net::HttpExchangePtr exchange;
        Work work;
        SteadyTime since;
    };

    class Place;

    bool enter(const net::HttpExchangePtr& exchange, Work& work);
    std::optional<Waiting> next();
    /// Out of the queue: those who left or waited too long. Under the lock.
    std::list<Waiting> take_overdue();
    void turn_away(const Waiting& waiting);
    void turn_away(const std::list<Waiting>& all) noexcept;
    void refuse(net::HttpExchange& exchange, std::string message);
    void show();
    void watch();

    const AdmissionLimits limits_;
    io::Clock& clock_;
    metrics::Gauge* running_shown_ = nullptr;
    metrics::Gauge* waiting_shown_ = nullptr;
    metrics::Counter* refused_ = nullptr;
    metrics::Counter* threw_ = nullptr;

    std::mutex mutex_;
    std::condition_variable wake_;
    size_t running_ = 0;
    std::list<Waiting> waiting_;
    bool has_ended_ = false;  ///< a query, since memory was looked at
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::collector::api

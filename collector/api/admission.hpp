// SPDX-License-Identifier: Apache-2.0
// Admission: how many queries run at the same time; the rest wait in order, and what does not fit
// is refused at once. A query that waits holds no thread, so cheap calls always find one. Threads:
// thread-safe; run() works on the calling thread and then on what waited meanwhile. Errors: 429
// with Retry-After when too many wait or one has waited too long; 499 when its client has gone.
// Ownership: the clock outlives it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>

#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

struct AdmissionLimits {
    size_t running_max = 3;  ///< one less than the threads of the query lane
    size_t waiting_max = 128;
    Nanos waiting_time_max = std::chrono::seconds(60);
};

class Admission {
  public:
    /// Without a registry nothing is counted for /metrics.
    Admission(AdmissionLimits limits, io::Clock& clock, metrics::Registry* registry);

    using Work = std::function<void(const net::HttpExchangePtr&)>;

    void run(const net::HttpExchangePtr& exchange, Work work);

  private:
    struct Waiting {
        net::HttpExchangePtr exchange;
        Work work;
        SteadyTime since;
    };

    bool enter(const net::HttpExchangePtr& exchange, Work& work);
    bool next(Waiting& waiting);
    void refuse(net::HttpExchange& exchange, std::string message);
    void show();

    const AdmissionLimits limits_;
    io::Clock& clock_;
    metrics::Gauge* running_shown_ = nullptr;
    metrics::Gauge* waiting_shown_ = nullptr;
    metrics::Counter* refused_ = nullptr;

    std::mutex mutex_;
    size_t running_ = 0;
    std::deque<Waiting> waiting_;
};

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// LokiInput: Loki's push call as an input. A push is answered once all required outputs hold it.
// Room: HttpRequest -> RecordBatch -> (AckToken) -> HttpResponse.
// Threads: handlers run on the server's ingest pool; answers come from the thread that resolves the
// token. Submitting never blocks; what is in flight is bounded in bytes.
// Errors: 204 stored; 400 what is wrong (entries without fault are stored all the same, as in
// Loki); 429 too much in flight, with Retry-After; 503 stopping, or an output failed: send the same
// body again. A repeated body is stored once (push hash). Ownership: outlives the HTTP server and
// its tokens.   Spec: Grafana Loki's HTTP API.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "collector/input/input_options.hpp"
#include "collector/input/loki/push_body.hpp"
#include "common/component/types.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/input.hpp"

namespace seyir::collector::input {

class LokiInput final : public pipeline::Input, public component::HttpMounted {
  public:
    LokiInput(
        LokiOptions options,
        metrics::Registry& registry,
        io::Clock& clock = io::system_clock(),
        uint64_t in_flight_bytes_max = 128 * kMiB,
        PushLimits limits = {}
    );

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;

    /// POST /loki/api/v1/push. The routes refer to this object.
    std::vector<net::HttpRoute> http_routes() override;

  private:
    /// Counters and the budget: shared with tokens, which may resolve after the input is gone.
    struct Shared {
        std::atomic<uint64_t> in_flight_bytes{0};
        metrics::Counter* accepted = nullptr;
        metrics::Counter* rejected = nullptr;
        metrics::Counter* refused = nullptr;
    };

    class Pending;

    void push(const net::HttpExchangePtr& exchange);
    Result<PushBody> read(const net::HttpRequest& request) const;
    bool take_budget(uint64_t bytes);

    LokiOptions options_;
    io::Clock& clock_;
    uint64_t in_flight_bytes_max_;
    PushLimits limits_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    mutable std::shared_mutex mutex_;  ///< submit_: handlers read, start and stop write
    pipeline::Submit submit_;
};

}  // namespace seyir::collector::input

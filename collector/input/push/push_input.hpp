// SPDX-License-Identifier: Apache-2.0
// PushInput: what inputs that take one HTTP request and answer it once it is stored have in common:
// the byte budget, the hash that makes a repeated request harmless, the answers.
// Room: HttpRequest -> PushBody (the protocol's own) -> RecordBatch -> answer.
// Threads: handlers run concurrently on the server's lanes; start and stop belong to one thread.
// Errors: 400 for what can never be taken, 429 when the budget or the brake is used up, 507 when
// the store's disk is full, 503 when nothing could be stored for another reason; all but the first
// with Retry-After. Limits: in_flight_bytes_max of request bodies that wait for the outputs.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "collector/input/push/push_body.hpp"
#include "collector/services/intake_brake.hpp"
#include "collector/services/relay_target.hpp"
#include "common/component/types.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/input.hpp"

namespace seyir::collector::input {

class PushInput : public pipeline::Input, public component::HttpMounted, public RelayTarget {
  public:
    PushInput(
        std::string id,
        metrics::Registry& registry,
        io::Clock& clock = io::system_clock(),
        uint64_t in_flight_bytes_max = 128 * kMiB
    );

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;

    /// Before start(): pushes are slowed down by it.
    void set_brake(std::shared_ptr<IntakeBrake> brake) { brake_ = std::move(brake); }

    /// POST path(). The routes refer to this object.
    std::vector<net::HttpRoute> http_routes() override;

    bool takes(std::string_view relayed_to) const override { return relayed_to == path(); }

    Result<std::shared_ptr<RecordBatch>> read_relayed(RelayedRequest request) const override;
    void submit_relayed(std::shared_ptr<RecordBatch> batch) override;

  protected:
    virtual std::string path() const = 0;
    /// The records of a request; an Error refuses all of it.
    virtual Result<PushBody> read(const net::HttpRequest& request) const = 0;
    /// The answer when all records are stored: 204 without a body unless it is another.
    virtual net::HttpResponse taken(uint64_t records) const;

    io::Clock& clock_;

  private:
    /// Counters and the budget: shared with tokens, which may resolve after the input is gone.
    struct Shared {
        std::atomic<uint64_t> in_flight_bytes{0};
        metrics::Counter* accepted = nullptr;
        metrics::Counter* rejected = nullptr;
        metrics::Counter* altered = nullptr;
        metrics::Counter* refused = nullptr;
    };

    class Pending;

    void push(const net::HttpExchangePtr& exchange);
    bool take_budget(uint64_t bytes);

    const std::string id_;
    uint64_t in_flight_bytes_max_;
    std::shared_ptr<IntakeBrake> brake_;  ///< may be none
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    mutable std::shared_mutex mutex_;  ///< submit_: handlers read, start and stop write
    pipeline::Submit submit_;
};

}  // namespace seyir::collector::input

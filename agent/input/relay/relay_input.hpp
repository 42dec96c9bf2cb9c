// SPDX-License-Identifier: Apache-2.0
// RelayInput: requests of programs on this host, kept for the collector.
// Room: HTTP request -> RecordBatch of one row -> answer.
// Threads: one of its own for I/O; handlers run on its lanes.
// Errors: 403 by the guard, 413 for a body beyond the limit, 503 with Retry-After while the spool
// cannot take more; 204 once the body is safe.
// Limits: RelaySetup.   Spec: docs/format/wire.md, "Relayed requests".
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "agent/input/relay/relay_guard.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/server/http_server.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/report.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::agent::input {

struct RelaySetup {
    std::string id = "relay";
    net::Endpoint listen;
    std::vector<std::string> paths;
    RelayGuard guard;
    StreamLabelsPtr labels;  ///< with relay::kLabel
    uint64_t body_bytes_max = kMiB;
    uint64_t in_flight_bytes_max = 32 * kMiB;
};

class RelayInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    RelayInput(RelaySetup setup, io::Clock& clock, metrics::Registry& registry);
    RelayInput(const RelayInput&) = delete;
    RelayInput& operator=(const RelayInput&) = delete;
    ~RelayInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;
    pipeline::InputReport report() const override;

    /// With the port the system chose; after start().
    net::Endpoint local() const;

  private:
    struct Shared;

    void take(const net::HttpExchangePtr& exchange);
    std::shared_ptr<RecordBatch> batch_of(const net::HttpRequest& request) const;

    const RelaySetup setup_;
    io::Clock& clock_;
    metrics::Registry& registry_;
    std::shared_ptr<Shared> shared_;
    std::shared_mutex mutex_;  ///< submit_: handlers read, start and stop write
    pipeline::Submit submit_;
    std::unique_ptr<async::Runtime> runtime_;
    std::unique_ptr<net::HttpLanes> lanes_;
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// CollectorOutput: ships batches to a collector and answers each once the collector has it on
// stable storage. Also the tail inputs' window on what the collector holds.
// Room: BatchView -> frames on one connection -> DeliveryReport.
// Threads: thread-safe. Two threads of its own: encoding and I/O; answers come on either.
// Errors: nothing is an error that time can heal: it reconnects for ever and says in health() what
// is wrong and what to do.   Limits: ShipSetup::in_flight_bytes_max.
// Ownership: file system, clock and registry outlive it.   Spec: docs/format/wire.md
#pragma once

#include <memory>

#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/output.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/pipeline/report.hpp"
#include "common/ship/ship_setup.hpp"

namespace seyir::ship {

class CollectorOutput final : public pipeline::Output,
                              public pipeline::PositionSource,
                              public pipeline::ReportsOutput,
                              public pipeline::ReportsContact {
  public:
    CollectorOutput(
        ShipSetup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry
    );
    ~CollectorOutput() override;

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

    bool keeps_positions() const override { return true; }

    bool takes_metrics() const override { return true; }

    void ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) override;
    void fork(std::string detail) override;
    void report_event(std::string kind, std::string detail) override;
    void on_store_changed(std::function<void()> listener) override;

    /// Endpoint, connection, credit, last acknowledgement.
    std::string report() const override;

    std::optional<pipeline::Contact> contact() const override;

    /// Changes with a fork.
    AgentId agent_id() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace seyir::ship

// SPDX-License-Identifier: Apache-2.0
// The `forward` output: sends records to Fluentd, Fluent Bit, or whatever takes Fluentd's forward
// protocol, and calls them delivered once the server has acknowledged their chunks.
// Room: BatchView -> PackedForward messages -> DeliveryReport.
// Threads: thread-safe; one I/O thread of its own.   Ownership: clock and registry outlive it.
// Errors: whatever fails is answered with kRetry and shown in health(); the buffer before the
// output tries again.   Spec: Fluentd's "Forward Protocol Specification v1".
#pragma once

#include "common/async/runtime.hpp"
#include "common/component/types.hpp"
#include "plugins/output/forward/forward_sender_io.hpp"

namespace seyir::component {

OutputType forward_output_type();

}  // namespace seyir::component

namespace seyir::plugins::forward {

class ForwardOutput final : public pipeline::Output {
  public:
    ForwardOutput(
        ForwardOutputSetup setup,
        ChunkEncoder encoder,
        io::Clock& clock,
        metrics::Registry& registry
    );
    ~ForwardOutput() override;

    Result<void> start() override { return sender_.start(); }

    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;

    pipeline::ComponentHealth health() const override { return sender_.health(); }

  private:
    async::Runtime runtime_{"forward-out", 1};
    bool stopped_ = false;
    ForwardSender sender_;
};

}  // namespace seyir::plugins::forward

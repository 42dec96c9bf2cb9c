// SPDX-License-Identifier: Apache-2.0
// The `forward` input: takes records from Fluentd, Fluent Bit, Docker's `fluentd` log driver and
// the fluent-logger libraries over Fluentd's forward protocol, and acknowledges chunks once they
// are safe. Room: configuration -> ForwardInput; messages -> RecordBatch -> ack.
// Threads: thread-safe; its own I/O threads.   Ownership: clock and registry outlive it.
// Errors: a bad peer costs its connection and a message naming it, never the process.
// Limits: ForwardSetup.   Spec: Fluentd's "Forward Protocol Specification v1".
#pragma once

#include "common/component/types.hpp"
#include "plugins/input/forward/forward_server.hpp"
#include "plugins/input/forward/forward_setup.hpp"

namespace seyir::component {

InputType forward_input_type();

}  // namespace seyir::component

namespace seyir::plugins::forward {

class ForwardInput final : public pipeline::Input {
  public:
    ForwardInput(ForwardSetup setup, io::Clock& clock, metrics::Registry& registry)
        : server_(std::move(setup), clock, registry) {}

    Result<void> start(pipeline::Submit submit) override {
        return server_.start(std::move(submit));
    }

    void stop() override { server_.stop(); }

    pipeline::ComponentHealth health() const override;

    /// With the ports the system chose; after start().
    const std::vector<net::Endpoint>& local() const { return server_.local(); }

    const ByteBudget& budget() const { return server_.budget(); }

  private:
    ForwardServer server_;
};

}  // namespace seyir::plugins::forward

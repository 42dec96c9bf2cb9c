// SPDX-License-Identifier: Apache-2.0
// AgentsInput: takes frames from agents and answers each once the pipeline has answered for it.
// Room: frames on connections -> RecordBatch with provenance and ack token.
// Threads: thread-safe; its own I/O threads decode, a small pool asks the store.
// Errors: a bad peer costs its connection and a message naming it, never the process.
// Limits: AgentsSetup; a connection that has used up its credit is not read.
// Ownership: store, clock and registry outlive it.   Spec: docs/format/wire.md
#pragma once

#include <memory>

#include "collector/input/agents/agents_setup.hpp"
#include "collector/input/agents/agents_status.hpp"
#include "collector/store/log_store.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"

namespace seyir::collector::input {

class AgentsInput final : public pipeline::Input {
  public:
    AgentsInput(
        AgentsSetup setup, store::LogStore& store, io::Clock& clock, metrics::Registry& registry
    );
    ~AgentsInput() override;

    Result<void> start(pipeline::Submit submit) override;
    /// Frames that come after it are not taken; connections end when their frames are answered.
    void stop() override;
    pipeline::ComponentHealth health() const override;

    AgentsStatus status() const;
    /// With the port the system chose; after start().
    net::Endpoint local() const;
    /// Lets in agents that joined with a one-time token.
    bool may_join() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace seyir::collector::input

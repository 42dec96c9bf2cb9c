// SPDX-License-Identifier: Apache-2.0
// The outputs BufferSet::wrap() makes: an output behind a queue in memory or behind a disk buffer.
// Room: BatchView -> buffer -> the inner output.
// Threads, errors: as pipeline::Output.   Ownership: each owns its inner output.
#pragma once

#include <memory>

#include "common/buffer/buffer_set.hpp"
#include "common/buffer/memory_queue.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::buffer {

class MemoryBufferedOutput final : public pipeline::Output {
  public:
    MemoryBufferedOutput(
        std::unique_ptr<pipeline::Output> inner,
        BufferedOutputSetup setup,
        io::Clock& clock,
        metrics::Registry& registry
    );
    ~MemoryBufferedOutput() override;

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    /// Delivers what it has while `deadline` allows; the rest gets kRetry.
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

    bool takes_metrics() const override { return inner_->takes_metrics(); }

  private:
    const BufferedOutputSetup setup_;
    std::unique_ptr<pipeline::Output> inner_;
    MemoryQueue queue_;
    Sender sender_;
    bool stopped_ = false;
};

class DiskBufferedOutput final : public pipeline::Output,
                                 public pipeline::ReportsContact,
                                 public pipeline::PositionKeeper {
  public:
    DiskBufferedOutput(
        BufferSet& set,
        std::unique_ptr<pipeline::Output> inner,
        BufferedOutputSetup setup,
        io::Clock& clock
    );
    ~DiskBufferedOutput() override;

    /// Errors: those of the folder and of the inner output.
    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    /// What is not delivered stays in the buffer.
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

    /// A batch sent again must be known again, so the buffer sees every position.
    bool keeps_positions() const override { return true; }

    bool takes_metrics() const override { return inner_->takes_metrics(); }

    /// The inner output's, with what waits here.
    std::optional<pipeline::Contact> contact() const override;

    /// What is in the buffer: a source is answered for that.
    Result<std::vector<pipeline::CommittedLane>> committed(
        TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
    ) const override;

    /// After start().
    const DiskBuffer& buffer() const { return *buffer_; }

  private:
    /// What the sender takes from: the buffer, with or without positions of its own.
    class Source;

    BufferSet& set_;
    const BufferedOutputSetup setup_;
    io::Clock& clock_;
    std::unique_ptr<pipeline::Output> inner_;
    std::shared_ptr<DiskBuffer> buffer_;
    DiskBuffer::Ticket ticket_ = 0;
    std::unique_ptr<Source> source_;
    std::unique_ptr<Sender> sender_;
    bool stopped_ = false;
};

}  // namespace seyir::buffer

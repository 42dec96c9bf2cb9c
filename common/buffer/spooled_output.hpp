// SPDX-License-Identifier: Apache-2.0
// SpooledOutput: what BufferSet::wrap() makes for `buffer.type: spool`: an output that keeps
// positions, and a disk buffer for the records of sources that cannot be asked again. Batches with
// positions go straight through, for their source is their buffer; batches without wait in the
// buffer, whose log offsets become their positions, so that they too are stored once.
// Room: BatchView -> the inner output, or -> disk buffer -> the inner output.
// Threads, errors: as pipeline::Output. The buffer is opened at start when something is in it or
// expected, else with the first batch that needs it (then deliver() waits for the folder once).
// Ownership: owns its inner output; the BufferSet outlives it.
// Why: docs/adr/0014-spool-lanes.md
#pragma once

#include <memory>
#include <mutex>

#include "common/buffer/buffered_output.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::buffer {

class SpooledOutput final : public pipeline::Output,
                            public pipeline::PositionSource,
                            public pipeline::ReportsOutput,
                            public pipeline::ReportsContact {
  public:
    /// `inner` must also be a pipeline::PositionSource.
    SpooledOutput(
        BufferSet& set,
        std::unique_ptr<pipeline::Output> inner,
        BufferedOutputSetup setup,
        io::FileSystem& fs,
        io::Clock& clock
    );
    ~SpooledOutput() override;

    /// Errors: those of the folder and of the inner output.
    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    /// What is not delivered stays in the buffer or with its source.
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

    bool keeps_positions() const override { return true; }

    bool takes_metrics() const override { return inner_->takes_metrics(); }

    void ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) override;
    void fork(std::string detail) override;
    void report_event(std::string kind, std::string detail) override;
    void on_store_changed(std::function<void()> listener) override;

    /// What the inner output reports, and `spool` when there is one.
    std::string report() const override;

    /// JSON members of the spool: rows, bytes, age of the oldest; "" when there is none.
    std::string spool_report() const;

    /// The inner output's, with what waits in the spool.
    std::optional<pipeline::Contact> contact() const override;

  private:
    /// The inner output as the spool sees it: started already.
    class Behind;

    Result<std::shared_ptr<DiskBufferedOutput>> spool();
    bool has_left_over() const;

    BufferSet& set_;
    const BufferedOutputSetup setup_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    std::unique_ptr<pipeline::Output> inner_;
    pipeline::PositionSource& positions_;

    mutable std::mutex mutex_;
    std::shared_ptr<DiskBufferedOutput> spool_;
    bool stopped_ = false;
};

}  // namespace seyir::buffer

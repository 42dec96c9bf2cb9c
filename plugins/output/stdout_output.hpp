// SPDX-License-Identifier: Apache-2.0
// StdoutOutput: rows as lines on standard output, for looking at a pipeline. Durable means written
// to the descriptor: what happens behind a pipe is not ours to know.
#pragma once

#include "plugins/output/output_options.hpp"
#include "plugins/output/write_loop.hpp"

namespace seyir::plugins {

class StdoutOutput final : public pipeline::Output {
  public:
    /// Writes to `fd`, which the caller keeps open.
    explicit StdoutOutput(StdoutOutputOptions options, int fd = 1);

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    const int fd_;
    WriteLoop loop_;
};

}  // namespace seyir::plugins

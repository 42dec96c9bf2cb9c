// SPDX-License-Identifier: Apache-2.0
// StdinInput: lines of a pipe, as they come.
// Room: file descriptor -> RecordBatch.
// Threads: one of its own; answers come on any.
// Limits: StdinSetup::in_flight_bytes_max of batches no output has taken; then the pipe is not read
// and whoever writes into it waits.
// Errors: a read that fails ends the input, with the reason in health().
// Ownership: borrows the descriptor, clock and registry.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "agent/input/stdin/line_batcher.hpp"
#include "common/base/units.hpp"
#include "common/component/types.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/loop_watch.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::agent::input {

struct StdinSetup {
    std::string id = "stdin";
    int fd = 0;
    StreamLabelsPtr labels;
    uint64_t max_line_bytes = kMiB;
    uint64_t in_flight_bytes_max = 32 * kMiB;
    uint64_t batch_raw_bytes = kMiB;
    Nanos batch_delay = std::chrono::milliseconds(20);
    Nanos retry_after = std::chrono::seconds(1);
    /// Once the input has ended and every line of it is safe.
    std::function<void()> on_end;
};

class StdinInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    StdinInput(StdinSetup setup, io::Clock& clock, metrics::Registry& registry);
    StdinInput(const StdinInput&) = delete;
    StdinInput& operator=(const StdinInput&) = delete;
    ~StdinInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;
    /// What waits in the pipe counts as lag.
    pipeline::InputReport report() const override;

  private:
    class Sender;

    void run();
    /// False at the end of the input.
    bool read_some();
    void wait(bool may_read);
    void hand_on();

    const StdinSetup setup_;
    io::Clock& clock_;
    metrics::Counter& lines_;
    metrics::Counter& bytes_;
    metrics::Counter& split_lines_;
    LineBatcher batcher_;
    std::shared_ptr<Sender> sender_;
    std::string chunk_;
    SteadyTime batch_began_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> read_error_{0};
    std::atomic<bool> has_ended_{false};
    pipeline::LoopWatch watchdog_;
    std::thread thread_;
};

}  // namespace seyir::agent::input

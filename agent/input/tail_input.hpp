// SPDX-License-Identifier: Apache-2.0
// TailInput: follows files and hands on their lines; the thread around TailReader.
// Room: files -> RecordBatch.
// Threads: one of its own; start(), stop(), settle() from the owner, the rest from any.
// Errors: start() fails for a glob that makes no sense; afterwards every trouble is per file, in
// the log, in status() and tried again.   Limits: TailOptions.
// Ownership: what TailDeps names must outlive it. Destroy it after the outputs have answered (or
// call settle() then): positions acknowledged until then go to the checkpoint.
// Format/spec: docs/guide/tailing.md.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "agent/input/directory_watch.hpp"
#include "agent/input/tail/tail_reader.hpp"
#include "agent/input/tail_options.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/loop_watch.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::agent::input {

class TailInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    TailInput(TailOptions options, TailDeps deps);
    TailInput(const TailInput&) = delete;
    TailInput& operator=(const TailInput&) = delete;
    ~TailInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;

    /// After stop(), once the outputs have answered: their last acknowledgements reach the
    /// checkpoint. The destructor does it too.
    void settle();
    TailStatus status() const;
    pipeline::InputReport report() const override;

  private:
    void run();
    void wait(Nanos at_most);
    void wake();

    TailOptions options_;
    TailDeps deps_;
    std::unique_ptr<InotifyWatch> watch_;
    std::unique_ptr<TailReader> reader_;
    int wake_fd_ = -1;
    pipeline::LoopWatch watchdog_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace seyir::agent::input

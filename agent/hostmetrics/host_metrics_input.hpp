// SPDX-License-Identifier: Apache-2.0
// HostMetricsInput: a sample of this host every interval, handed on like a record.
// Room: HostSampler -> RecordBatch of one row of samples (docs/format/metrics.md).
// Threads: one of its own; answers come on any.
// Limits: kWaitingMax samples without an answer; then the oldest that nobody has is dropped,
// counted. Ownership: file system, clock and registry outlive it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/hostmetrics/host_sampler.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::agent::hostmetrics {

struct HostMetricsSetup {
    std::string id = "host";
    Nanos interval = std::chrono::seconds(15);
    HostSelection selection;
    std::vector<std::pair<std::string, std::string>> labels;  ///< of every series
    std::string root;                                         ///< as in HostSamplerOptions
};

class HostMetricsInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    static constexpr size_t kWaitingMax = 64;

    HostMetricsInput(
        HostMetricsSetup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry
    );
    HostMetricsInput(const HostMetricsInput&) = delete;
    HostMetricsInput& operator=(const HostMetricsInput&) = delete;
    ~HostMetricsInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;
    /// Samples without an answer; one that is not taken yet is nothing unread.
    pipeline::InputReport report() const override;

    /// One sample now, and those again that were not taken; the thread calls it.
    void sample_now();

  private:
    struct Shared;

    void run();
    /// Nothing: it breaks a rule of the format, which would be a mistake of ours; counted.
    bool is_sound(std::string_view body);
    void submit_waiting();

    const HostMetricsSetup setup_;
    io::Clock& clock_;
    StreamLabelsPtr stream_;
    HostSampler sampler_;
    std::shared_ptr<Shared> shared_;
    std::string checked_table_;  ///< of the last body that was read back
    pipeline::Submit submit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::agent::hostmetrics

// SPDX-License-Identifier: Apache-2.0
// AlertFilter: passes records on as they are, counts those that match, and emits an event when the
// rule says so. All instances of one rule count together.
// Threads: one owner; the engine is shared and guards itself.
// Errors: none; a rule that cannot be evaluated is told as an event of its own (rule_failing).
#pragma once

#include <memory>
#include <string>

#include "common/alert/shared_engine.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/filter.hpp"

namespace seyir::plugins {

struct AlertCounters {
    metrics::Counter& matches;
    metrics::Counter& errors;
    metrics::Counter& firing;
    metrics::Counter& resolved;
    metrics::Counter& failing;
    metrics::Gauge& groups;
    metrics::Gauge& groups_firing;
};

class AlertFilter final : public pipeline::Filter {
  public:
    AlertFilter(
        std::shared_ptr<alert::SharedEngine> engine,
        std::string host_name,
        io::Clock& clock,
        AlertCounters counters
    );

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override;
    Result<void> flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) override;

  private:
    void tell(const std::vector<alert::Notice>& notices, pipeline::FilterSink& sink);

    std::shared_ptr<alert::SharedEngine> engine_;
    alert::Evaluation evaluation_;
    const std::string host_name_;
    io::Clock& clock_;
    AlertCounters counters_;
};

}  // namespace seyir::plugins

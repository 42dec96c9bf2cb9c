// SPDX-License-Identifier: Apache-2.0
// Trial: one filter of a plugin, configured and run as a program runs it, with a sink that counts.
// Threads: a Trial belongs to one thread; several may share a plan (another()).
// Errors: those of the configuration, as text with places.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/component/types.hpp"
#include "common/config/loader.hpp"
#include "common/plugin/filter_adapter.hpp"

namespace seyir::ctl {

struct TrialCounts {
    uint64_t in = 0;
    uint64_t out = 0;
    uint64_t dropped = 0;
    uint64_t failed = 0;
    uint64_t given_back = 0;
    int64_t held = 0;
    std::map<std::string, uint64_t> codes;  ///< of failed rows
    std::string first_message;              ///< of a batch the plugin failed or mishandled
    Nanos spent{};
    Nanos slowest{};
};

/// The configuration `text` (keys of the filter, as YAML), planned.
class TrialPlan {
  public:
    TrialPlan(plugin::FilterDescriptionPtr filter, plugin::AdapterOptions options);

    /// Defaults, and the examples of required keys.
    std::string default_text() const;
    Result<void> plan(const std::string& text);
    Result<std::unique_ptr<pipeline::Filter>> instantiate();

    const plugin::FilterDescription& filter() const { return *filter_; }

    std::optional<std::string> trouble() const { return plan_->trouble(); }

  private:
    plugin::FilterDescriptionPtr filter_;
    component::FilterType type_;
    config::Schema schema_;
    std::optional<config::CheckedDocument> document_;
    component::FilterPlanPtr plan_;
    metrics::Registry registry_;
};

/// Runs batches through one instance and counts.
class TrialRun {
  public:
    explicit TrialRun(std::unique_ptr<pipeline::Filter> filter);
    ~TrialRun();

    void process(BatchView view);
    void flush(pipeline::FlushReason reason);

    const TrialCounts& counts() const;

  private:
    class Sink;

    std::unique_ptr<Sink> sink_;
    std::unique_ptr<pipeline::Filter> filter_;
};

}  // namespace seyir::ctl

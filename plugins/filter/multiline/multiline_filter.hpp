// SPDX-License-Identifier: Apache-2.0
// The filter `multiline`: rows that are one record become one, for inputs without positions
// (syslog, forward, stdin). For files use the tail input's `multiline`: it cuts records before a
// batch is made. A graph builder may do that with this filter, too: MultilinePlan::rules() is what
// TailOptions::multiline takes.
// Room: configuration -> filter.
// Threads: plans are immutable; instances independent.
// Limits: max_streams and max_held; beyond, the group that waited longest goes on as it is,
// counted. Spec: docs/guide/multiline.md.
#pragma once

#include <string>
#include <vector>

#include "common/component/types.hpp"
#include "common/multiline/rules.hpp"

namespace seyir::plugins {

struct MultilineOptions {
    multiline::Multiline multiline;
    std::vector<std::string> keys;  ///< attributes that tell streams apart, besides the labels
    size_t streams_max = 1'000;
    uint64_t held_bytes_max = 64 * kMiB;
};

class MultilinePlan final : public component::FilterPlan {
  public:
    explicit MultilinePlan(MultilineOptions options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const component::RunContext& context
    ) override;

    bool holds_rows() const override { return true; }

    bool wants_timer() const override { return true; }

    /// For the tail input, when this is the first filter behind one.
    const multiline::Multiline& rules() const { return options_.multiline; }

  private:
    MultilineOptions options_;
};

component::FilterType multiline_filter_type();

}  // namespace seyir::plugins

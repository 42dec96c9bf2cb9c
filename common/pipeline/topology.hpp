// SPDX-License-Identifier: Apache-2.0
// Topology: a GraphSpec with names resolved to slots, and the filter instances of every worker. It
// is immutable once built, except that a chain belongs to the worker it was made for. Ownership:
// shared by the engine and by the jobs that still run on it after a replacement.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/pipeline/slots.hpp"

namespace seyir::pipeline {

struct RoutePlan {
    std::string name;
    RowMatch match;
    std::vector<size_t> filters;
    std::vector<size_t> outputs;
    std::optional<size_t> dead_letter;
    bool required = true;
};

/// The filter instances of one route on one worker, in order.
struct Chain {
    std::vector<std::unique_ptr<Filter>> filters;
};

struct Topology {
    std::vector<std::shared_ptr<InputSlot>> inputs;
    std::vector<std::shared_ptr<FilterSlot>> filters;
    std::vector<std::vector<size_t>> event_outputs;  ///< by filter
    std::vector<std::shared_ptr<OutputSlot>> outputs;
    std::vector<RoutePlan> routes;
    std::vector<std::vector<size_t>> input_routes;  ///< by input
    std::vector<bool> needs_worker;                 ///< by input: some route of it has filters
    std::map<const InputSlot*, size_t> input_index;
    /// By worker, by route. Shared with a copy of this topology that is brought back after a failed
    /// replacement. A worker that finds its own empty looks at the current topology instead.
    std::shared_ptr<std::vector<std::vector<Chain>>> chains;
    bool has_timers = false;
};

/// Resolves names and makes the filter instances of `workers` workers. Slots of `before` are taken
/// over for components that are the same objects.
/// Errors: kInvalidConfig for names that are not there; whatever a filter's `make` says.
Result<std::shared_ptr<Topology>> build_topology(
    GraphSpec spec, size_t workers, metrics::Registry& registry, const Topology* before
);

}  // namespace seyir::pipeline

// SPDX-License-Identifier: Apache-2.0
// PipelineConfig: the pipeline sections of a file, read and checked, every component planned.
// Room: ObjectReader of a program's root -> plans and routes, or diagnostics.
// Threads: the loading thread; what comes out is immutable.
#pragma once

#include <string>
#include <vector>

#include "common/buffer/options.hpp"
#include "common/component/catalogue.hpp"
#include "common/config/sections/tests.hpp"
#include "common/pipeline/graph_spec.hpp"

namespace seyir::component {

/// One configured component. Two are the same when id, type and fingerprint are: the fingerprint
/// covers every value under its key, secrets too, and Plan::fingerprint().
template <class PlanPtr>
struct Planned {
    std::string id;
    std::string type;
    std::string fingerprint;
    PlanPtr plan;
};

using PlannedInput = Planned<InputPlanPtr>;

struct PlannedFilter : Planned<FilterPlanPtr> {
    OnError on_error = OnError::kDeadLetter;
};

struct PlannedOutput : Planned<OutputPlanPtr> {
    buffer::BufferOptions buffer;
    buffer::RetryOptions retry;
};

struct PlannedRoute {
    config::RouteOptions options;
    pipeline::RowMatch match;  ///< none = every row
};

struct PipelineConfig {
    std::vector<PlannedInput> inputs;
    std::vector<PlannedFilter> filters;
    std::vector<PlannedOutput> outputs;
    std::vector<PlannedRoute> routes;
    std::vector<config::TestOptions> tests;  ///< for `seyir test`
};

/// Reads `inputs`, `filters`, `outputs` and `routes`. `base` gives what the components' contexts
/// share (labels, tls, tokens, ...); its id is ignored. Components with errors are left out.
PipelineConfig read_pipeline(
    const config::ObjectReader& root, const Catalogue& catalogue, const PlanContext& base
);

/// Of a component's part of the document, references replaced, and of what it takes from elsewhere
/// in it.
std::string fingerprint_of(
    const config::Node& node, const Plan& plan, std::string_view shared = {}
);

}  // namespace seyir::component

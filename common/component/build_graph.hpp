// SPDX-License-Identifier: Apache-2.0
// build_graph: plans -> running components -> GraphSpec. Given the graph that runs now, components
// that did not change are taken over, so that a reload touches only what differs.
// Threads: one at a time.   Ownership: the engine and the RunningGraph share the components.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/component/pipeline_config.hpp"
#include "common/pipeline/graph_spec.hpp"

namespace seyir::component {

/// What may be wrapped around an output: its buffer. Given by the programs, who own the buffers.
using WrapOutput = std::function<Result<std::shared_ptr<pipeline::Output>>(
    const PlannedOutput& planned, std::unique_ptr<pipeline::Output> output
)>;

/// What an input depends on besides its own keys -> fingerprint: the outputs it resumes at
/// ("output central") and the filter whose joining it does ("filter lines").
using Surroundings = std::map<std::string, std::string>;

template <class Component, class PlanPtr>
struct Running {
    std::string type;  ///< "" = not configured: the program added it
    std::string fingerprint;
    PlanPtr plan;
    std::shared_ptr<Component> component;  ///< nullptr for filters: the engine makes them
    Surroundings made_with;                ///< inputs: what they are made anew with
};

struct RunningGraph {
    std::map<std::string, Running<pipeline::Input, InputPlanPtr>> inputs;
    std::map<std::string, Running<pipeline::Filter, FilterPlanPtr>> filters;
    std::map<std::string, Running<pipeline::Output, OutputPlanPtr>> outputs;
    std::map<std::string, std::string> routes;  ///< all a route says, by name
    pipeline::GraphSpec spec;
};

/// One component in which two graphs differ.
struct Difference {
    enum class Kind {
        kAdded,
        kRemoved,
        kChanged,
        kRestarted,  ///< an input nobody changed, made anew with what it depends on
    };

    Kind kind = Kind::kChanged;
    std::string section;  ///< "inputs", "filters", "outputs" or "routes"
    std::string id;
    std::string detail;  ///< for people: the type, what else makes it restart
};

/// Called with an input's id before that input is made of a graph, for the first time or anew
/// after a later graph failed: says what the graph's other components are to it.
using BeforeInput = std::function<void(const std::string& input)>;
/// Called once the outputs of a graph are there and before its inputs are made.
using OnOutputs = std::function<BeforeInput(const RunningGraph&, const PipelineConfig&)>;

struct GraphBuild {
    const PipelineConfig& config;
    RunContext run;  ///< id is filled in for each component
    WrapOutput wrap;
    const RunningGraph* before = nullptr;
    std::string dead_letter;  ///< output id for routes that name none; "" = none
    OnOutputs on_outputs;
};

/// A configured filter as the engine takes it. `plan` is the one whose state counts: that of the
/// running graph where the filter did not change.
pipeline::FilterSpec filter_spec(
    const PlannedFilter& planned, const FilterPlanPtr& plan, RunContext run
);

/// Errors: what instantiate() says, with the component's name.
Result<RunningGraph> build_graph(const GraphBuild& build);

/// What a reload would do; nothing is made. In the order inputs, filters, outputs, routes.
std::vector<Difference> compare(const RunningGraph& before, const PipelineConfig& next);

/// Empty for inputs that keep no positions.
Surroundings surroundings_of(const PlannedInput& input, const PipelineConfig& config);

}  // namespace seyir::component

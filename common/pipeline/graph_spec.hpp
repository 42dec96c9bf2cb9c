// SPDX-License-Identifier: Apache-2.0
// GraphSpec: everything the engine needs to run a graph, named by ids. Made from a configuration
// (common/component/build_graph.hpp) or by hand in tests.
// Ownership: inputs and outputs are shared with the engine; one that stands in two successive specs
// (the same object) keeps running when the graph is replaced.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/filter.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/output.hpp"

namespace seyir::pipeline {

/// Chooses rows; made from a LogQL `match:` by whoever builds the graph. Pure and thread-safe.
using RowMatch = std::function<Selection(const BatchView&)>;

struct InputSpec {
    std::string id;
    std::shared_ptr<Input> input;
    /// A fresh one like it: an input that was stopped for a replacement that then failed is made
    /// anew. None: such an input stays stopped and health says so.
    std::function<Result<std::shared_ptr<Input>>()> remake;
};

struct FilterSpec {
    std::string id;
    /// One instance for each worker and place of use.
    std::function<Result<std::unique_ptr<Filter>>()> make;
    OnError on_error = OnError::kDeadLetter;
    bool is_sensitive = false;  ///< its failures leave no body and no attributes behind
    bool wants_timer = false;
    std::vector<std::string> event_outputs;
    /// What is wrong with the filter right now, beside what its calls say; thread-safe, may be
    /// none.
    std::function<std::optional<std::string>()> trouble;
};

struct OutputSpec {
    std::string id;
    std::shared_ptr<Output> output;
    /// It keeps positions only to know batches again (a disk buffer); no source is resumed by it.
    bool is_buffered = false;
};

struct Route {
    std::string name;
    std::vector<std::string> from;     ///< input ids; empty = every input
    RowMatch match;                    ///< none = every row
    std::vector<std::string> through;  ///< filter ids, in this order
    std::vector<std::string> to;       ///< output ids
    std::string dead_letter;           ///< output id; "" = GraphSpec::dead_letter
    /// The source's ack waits for these outputs. Others lose rows, counted, when they fail.
    bool required = true;
};

struct GraphSpec {
    std::vector<InputSpec> inputs;
    std::vector<FilterSpec> filters;
    std::vector<OutputSpec> outputs;
    std::vector<Route> routes;
    std::string dead_letter;  ///< output id of routes that name none; "" = such rows are dropped
};

}  // namespace seyir::pipeline

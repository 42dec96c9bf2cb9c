// SPDX-License-Identifier: Apache-2.0
// Runs the tests of a configuration: the configured filters and routes between a feed and outputs
// that only remember. Nothing is sent, nothing is read but what the tests name; the clock moves as
// the tests say.
// Threads: one at a time; all of a test runs on the calling thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/component/pipeline_config.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/delivery.hpp"
#include "common/pipeline/graph_spec.hpp"

namespace seyir::ctl {

struct TestResult {
    bool ok = false;
    std::vector<std::string> failures;  ///< what was expected and what came, several lines each
    std::string golden;                 ///< what arrived, as a golden file holds it
};

class TestRun {
  public:
    TestRun(const component::PipelineConfig& pipeline, std::string state_dir);

    /// Errors: a filter that cannot be made, a file that cannot be read.
    Result<TestResult> run(const config::TestOptions& test);

    /// Ids of filters, outputs and inputs that no test has sent a record through, as
    /// `filters.noise`.
    std::vector<std::string> untouched() const;
    size_t component_count() const;

  private:
    class Recorder;

    void add_components(const component::RunContext& base, pipeline::GraphSpec& spec) const;
    void add_routes(const config::TestOptions& test, pipeline::GraphSpec& spec) const;
    void check(const config::TestOptions& test, const Recorder& recorder, TestResult& result) const;
    static void check_one(
        const config::TestExpect& expect, const std::vector<BatchView>& views, TestResult& result
    );
    static std::string shown(const std::vector<BatchView>& views);
    void note_coverage(const config::TestOptions& test, const Recorder& recorder);

    const component::PipelineConfig& pipeline_;
    std::string state_dir_;
    std::set<std::string> touched_;
};

}  // namespace seyir::ctl

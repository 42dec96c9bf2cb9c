// SPDX-License-Identifier: Apache-2.0
// PipelineHost: the pipeline of a running program: builds the graph a configuration describes, runs
// it, and replaces it when the configuration changes.
// Room: PipelineConfig -> RunningGraph -> Engine; HTTP inputs -> Servers.
// Threads: start, reload, tick and stop belong to the program's main thread; status is thread-safe.
// Ownership: borrows the registry, the services and the servers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/shared_cell.hpp"
#include "common/buffer/buffer_set.hpp"
#include "common/component/build_graph.hpp"
#include "common/component/program_config.hpp"
#include "common/pipeline/engine.hpp"
#include "common/service/loss_watch.hpp"
#include "common/service/servers.hpp"

namespace seyir::service {

struct PipelineHostSetup {
    metrics::Registry& registry;
    component::ProgramServices& services;
    Servers& servers;
    size_t filter_workers = 1;
    io::DiskBudget* disk = nullptr;  ///< over all buffers; none: each has its own bound only
    /// The output for records that nothing else takes, where a route names none; made on first
    /// need.
    std::function<Result<std::unique_ptr<pipeline::Output>>(const std::string& home)> dead_letter;
    /// Told of the outputs before inputs are made (the agent looks for its positions there).
    component::OnOutputs on_outputs;
    /// What the program has to say of itself beside its components, asked for at each tick.
    std::function<std::vector<pipeline::ComponentStatus>()> notices;
    /// Adjusts a graph before it runs (the collector's push endpoint).
    std::function<Result<void>(
        const component::ProgramConfig& next,
        const component::RunningGraph* before,
        component::RunningGraph& graph
    )>
        adjust;
};

class PipelineHost {
  public:
    explicit PipelineHost(PipelineHostSetup setup);

    Result<void> start(const component::ProgramConfig& config);

    /// Changes over to `config`; what stays the same runs on. On error the old graph runs on.
    /// Gives the differences that were applied.
    Result<std::vector<component::Difference>> reload(const component::ProgramConfig& config);

    /// What reload() would do. Components that are fixed at the start are left out.
    std::vector<component::Difference> plan(const component::ProgramConfig& config) const;

    /// About every second: lets go of what left the graph, tells of collectors that are lost.
    void tick();

    void stop(SteadyTime deadline) { engine_.stop(deadline); }

    pipeline::Engine& engine() { return engine_; }

    /// A copy: safe while a reload replaces it.
    std::shared_ptr<const component::RunningGraph> graph() const { return graph_.load(); }

  private:
    Result<component::RunningGraph> build(
        const component::ProgramConfig& config, const component::RunningGraph* before
    );
    Result<void> add_dead_letter(
        const component::ProgramConfig& config,
        const component::RunningGraph* before,
        component::RunningGraph& graph
    );
    void mount(const component::RunningGraph& graph);
    void keep(component::RunningGraph graph);
    void look_for_left_rows();
    void tell_notices();
    bool is_left_folder_gone() const;

    Result<std::shared_ptr<pipeline::Output>> wrap(
        const component::ProgramConfig& config,
        const component::PlannedOutput& planned,
        std::unique_ptr<pipeline::Output> output
    );

    PipelineHostSetup setup_;
    bool has_left_buffers_ = false;  ///< those of outputs a reload removed are still open
    std::vector<buffer::LeftFolder> left_folders_;
    std::vector<pipeline::ComponentStatus> own_notices_;
    std::unique_ptr<buffer::BufferSet> buffers_;  // before the engine: outlives its outputs
    pipeline::Engine engine_;
    SharedCell<const component::RunningGraph> graph_;
    std::unique_ptr<LossWatch> loss_watch_;
};

/// `added inputs.app (tail)`, one line each; "" for none.
std::string describe(const std::vector<component::Difference>& differences);

}  // namespace seyir::service

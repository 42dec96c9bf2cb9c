// SPDX-License-Identifier: Apache-2.0
#include "agent/app/dry_run.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "agent/app/dry_run_printer.hpp"
#include "agent/input/agent_services.hpp"
#include "common/base/log.hpp"
#include "common/component/build_graph.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/pipeline/report.hpp"
#include "common/pipeline/run_batch.hpp"

namespace seyir::agent {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDeadLetter = "dead_letter";
constexpr Nanos kLook = 100ms;
/// An input that is not at its end and gives nothing for so long will not either: a line that is
/// waited for, a file that may not be read.
constexpr Nanos kQuietMax = 5s;
/// The others listen: to open them would take what is meant for the real agent.
constexpr std::array<std::string_view, 4> kReadable = {"tail", "container", "journald", "stdin"};

/// Takes everything and does nothing.
class TakingOutput final : public pipeline::Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        done(DeliveryReport::delivered(static_cast<uint32_t>(view.row_count())));
    }

    void stop(SteadyTime) override {}

    pipeline::ComponentHealth health() const override { return {}; }
};

class TakingPlan final : public component::OutputPlan {
  public:
    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext&) override {
        return std::make_unique<TakingOutput>();
    }
};

/// The same pipeline with outputs that send nothing, without the inputs that listen.
component::PipelineConfig without_effects(const component::PipelineConfig& pipeline) {
    component::PipelineConfig out = pipeline;
    const auto is_left_out = [](const std::string& type) {
        return std::ranges::find(kReadable, type) == kReadable.end();
    };
    for (const component::PlannedInput& input : pipeline.inputs) {
        if (!is_left_out(input.type)) {
            continue;
        }
        fmt::print(stderr, "dry run: {} ({}) is not opened: it listens\n", input.id, input.type);
        for (component::PlannedRoute& route : out.routes) {
            std::erase(route.options.from, input.id);
        }
    }
    std::erase_if(out.inputs, [&](const auto& input) { return is_left_out(input.type); });
    std::erase_if(out.routes, [](const auto& route) { return route.options.from.empty(); });
    for (component::PlannedOutput& output : out.outputs) {
        output.plan = std::make_shared<TakingPlan>();
        output.buffer = {};
    }
    if (std::ranges::find(out.outputs, kDeadLetter, &component::PlannedOutput::id) ==
        out.outputs.end()) {
        component::PlannedOutput dead_letter;
        dead_letter.id = kDeadLetter;
        dead_letter.plan = std::make_shared<TakingPlan>();
        out.outputs.push_back(std::move(dead_letter));
    }
    return out;
}

/// Inputs to filters to the printer, a record at a time and one after the other.
class DryRun {
  public:
    DryRun(std::shared_ptr<pipeline::Topology> topology, uint64_t records_max)
        : topology_(std::move(topology)),
          records_max_(records_max),
          printer_(std::make_shared<DryRunPrinter>(stdout)) {
        delivery_->set_tap(printer_);
        for (const auto& output : topology_->outputs) {
            printer_->add_output(output->spec.id);
        }
    }

    Result<void> start() {
        for (size_t i = 0; i < topology_->inputs.size(); ++i) {
            const auto& spec = topology_->inputs[i]->spec;
            auto started =
                spec.input->start([this, i](const RecordBatchPtr& batch) { take(i, batch); });
            if (!started) {
                return started.error().context("input " + spec.id);
            }
        }
        return {};
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
        }
        for (const auto& slot : topology_->inputs) {
            slot->spec.input->stop();
        }
        const std::lock_guard lock(mutex_);
        printer_->begin_rest();
        pipeline::BatchRun(*topology_, chains(), *delivery_)
            .flush(pipeline::FlushReason::kShutdown);
        printer_->end();
    }

    uint64_t records() const {
        const std::lock_guard lock(mutex_);
        return records_;
    }

    bool is_full() const { return records_max_ != 0 && records() >= records_max_; }

    bool is_at_end() const {
        return std::ranges::all_of(topology_->inputs, [](const auto& slot) {
            const auto* reports =
                dynamic_cast<const pipeline::ReportsInput*>(slot->spec.input.get());
            return reports == nullptr || reports->report().is_at_end;
        });
    }

    /// To standard error, so that the records alone are on standard output.
    void summarize() const {
        const std::lock_guard lock(mutex_);
        fmt::print(stderr, "dry run: {} records read; nothing was sent or written\n", records_);
        for (const auto& [output, count] : printer_->arrived()) {
            if (count > 0) {
                fmt::print(stderr, "  {:>8} to {}\n", count, output);
            }
        }
        for (const auto& [filter, count] : printer_->dropped()) {
            fmt::print(stderr, "  {:>8} end in {}\n", count, filter);
        }
        for (const auto& slot : topology_->inputs) {
            const auto health = slot->spec.input->health();
            if (!health.ok) {
                fmt::print(stderr, "  {}: {}\n", slot->spec.id, health.message);
            }
        }
    }

  private:
    std::vector<pipeline::Chain>& chains() { return (*topology_->chains)[0]; }

    void take(size_t input, const RecordBatchPtr& batch) {
        AckToken token = batch->take_ack();
        const std::lock_guard lock(mutex_);
        for (uint32_t row = 0; row < batch->row_count() && !is_over_; ++row) {
            if (records_max_ != 0 && records_ >= records_max_) {
                is_over_ = true;
                break;
            }
            ++records_;
            const auto record =
                std::make_shared<const RecordBatch>(clone_rows({batch, Selection::of({row})}));
            printer_->begin(topology_->inputs[input]->spec.id, *record);
            pipeline::BatchRun(*topology_, chains(), *delivery_).run(input, record, AckToken{});
            printer_->end();
        }
        token.resolve(DeliveryReport::delivered(static_cast<uint32_t>(batch->row_count())));
    }

    const std::shared_ptr<pipeline::Topology> topology_;
    const uint64_t records_max_;
    mutable std::mutex mutex_;
    uint64_t records_ = 0;
    bool is_over_ = false;
    const std::shared_ptr<DryRunPrinter> printer_;
    const std::shared_ptr<pipeline::Delivery> delivery_ = std::make_shared<pipeline::Delivery>();
};

void wait_for_end(const DryRun& run, process::Signals& signals) {
    uint64_t seen = 0;
    SteadyTime grew_at = io::system_clock().steady_now();
    while (!run.is_full() && !run.is_at_end()) {
        const std::optional<int> signal = signals.wait(kLook);
        if (signal == SIGTERM || signal == SIGINT) {
            return;
        }
        const SteadyTime now = io::system_clock().steady_now();
        if (run.records() != seen) {
            seen = run.records();
            grew_at = now;
        } else if (now - grew_at >= kQuietMax) {
            fmt::print(stderr, "dry run: nothing new for 5 s\n");
            return;
        }
    }
}

}  // namespace

int dry_run(const AgentConfig& config, uint64_t records_max, process::Signals& signals) {
    log::set_level(log::Level::kWarn);
    metrics::Registry registry;
    checkpoint::CheckpointStore checkpoints(
        io::posix_file_system(), io::system_clock(), registry, config.home
    );
    checkpoints.keep_in_memory();
    input::AgentServices services(checkpoints);
    services.is_dry_run = true;
    const component::PipelineConfig pipeline = without_effects(config.pipeline);
    auto graph = component::build_graph(
        {.config = pipeline,
         .run =
             {.id = "",
              .registry = registry,
              .clock = io::system_clock(),
              .files = io::posix_file_system(),
              .state_dir = config.home,
              .host_name = config.host_name,
              .program = &services},
         .wrap = {},
         .before = nullptr,
         .dead_letter = kDeadLetter,
         .on_outputs = {}}
    );
    if (!graph) {
        fmt::print(stderr, "dry run: {}\n", graph.error().message);
        return 1;
    }
    graph->spec.dead_letter = kDeadLetter;
    auto topology = pipeline::build_topology(std::move(graph->spec), 1, registry, nullptr);
    if (!topology) {
        fmt::print(stderr, "dry run: {}\n", topology.error().message);
        return 1;
    }
    DryRun run(*std::move(topology), records_max);
    const auto started = run.start();
    if (started) {
        wait_for_end(run, signals);
    }
    run.stop();
    if (!started) {
        fmt::print(stderr, "dry run: {}\n", started.error().message);
        return 1;
    }
    run.summarize();
    return 0;
}

}  // namespace seyir::agent

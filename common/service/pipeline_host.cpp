// SPDX-License-Identifier: Apache-2.0
#include "common/service/pipeline_host.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/component/fixed_at_start.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::service {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDeadLetter = "dead_letter";
constexpr Nanos kReloadDrainTime = 10s;

/// Some input the output is fed by cannot be read again.
bool expects_spooled(const component::PipelineConfig& pipeline, const std::string& output) {
    return std::ranges::any_of(pipeline.routes, [&](const component::PlannedRoute& route) {
        const config::RouteOptions& options = route.options;
        if (std::ranges::find(options.to, output) == options.to.end()) {
            return false;
        }
        return std::ranges::any_of(pipeline.inputs, [&](const component::PlannedInput& input) {
            const bool is_read = std::ranges::find(options.from, input.id) != options.from.end();
            return is_read && !input.plan->has_positions();
        });
    });
}

bool needs_dead_letter(const component::PipelineConfig& pipeline) {
    const bool filters_fail = std::ranges::any_of(pipeline.filters, [](const auto& filter) {
        return filter.on_error == component::OnError::kDeadLetter;
    });
    const bool outputs_refuse = std::ranges::any_of(pipeline.outputs, [&](const auto& output) {
        const bool has_buffer = output.buffer.kind != buffer::BufferOptions::Kind::kNone;
        const bool is_spool = output.buffer.kind == buffer::BufferOptions::Kind::kSpool;
        return is_spool ? expects_spooled(pipeline, output.id) : has_buffer;
    });
    const bool somewhere_unnamed = std::ranges::any_of(pipeline.routes, [](const auto& route) {
        return route.options.dead_letter.empty();
    });
    return (filters_fail || outputs_refuse) && somewhere_unnamed;
}

bool is_fixed(const component::PipelineConfig& pipeline, const std::string& output) {
    const auto at = std::ranges::find(pipeline.outputs, output, &component::PlannedOutput::id);
    return at != pipeline.outputs.end() &&
           dynamic_cast<const component::FixedAtStart*>(at->plan.get()) != nullptr;
}

/// Tells, not for each, that an output refused rows and where they are kept.
class DeadLetterNotice {
  public:
    DeadLetterNotice(std::string output, std::string kept_in)
        : output_(std::move(output)), kept_in_(std::move(kept_in)) {}

    void tell(const BatchView& rows, std::string_view code, std::string_view message) {
        if (samples::is_metrics(*rows.batch)) {
            return;  // those are dropped, and counted so
        }
        const SteadyTime now = io::system_clock().steady_now();
        const std::lock_guard lock(mutex_);
        untold_rows_ += rows.row_count();
        if (told_at_ && now - *told_at_ < kTellAgainAfter) {
            return;
        }
        told_at_ = now;
        log::warn(
            "dead_letter",
            "records were refused for good and are kept",
            {{"output", output_},
             {"rows", std::to_string(std::exchange(untold_rows_, 0))},
             {"reason", std::string(code)},
             {"why", std::string(message)},
             {"kept_in", kept_in_}}
        );
    }

  private:
    static constexpr Nanos kTellAgainAfter = std::chrono::minutes(1);

    const std::string output_;
    const std::string kept_in_;
    std::mutex mutex_;
    std::optional<SteadyTime> told_at_;
    uint64_t untold_rows_ = 0;
};

/// Where rows are kept that `output` refuses, for people.
std::string place_of_letters(const component::ProgramConfig& config, const std::string& output) {
    for (const component::PlannedRoute& route : config.pipeline.routes) {
        const config::RouteOptions& options = route.options;
        const bool feeds = std::ranges::find(options.to, output) != options.to.end();
        if (feeds && !options.dead_letter.empty()) {
            return "output " + options.dead_letter;
        }
    }
    return config.home + "/dead_letter/records.jsonl";
}

const char* word(component::Difference::Kind kind) {
    switch (kind) {
        case component::Difference::Kind::kAdded:
            return "added";
        case component::Difference::Kind::kRemoved:
            return "removed";
        case component::Difference::Kind::kChanged:
            return "changed";
        case component::Difference::Kind::kRestarted:
            return "restarted";
    }
    return "";
}

}  // namespace

PipelineHost::PipelineHost(PipelineHostSetup setup)
    : setup_(std::move(setup)), engine_(setup_.registry, setup_.filter_workers) {}

Result<std::shared_ptr<pipeline::Output>> PipelineHost::wrap(
    const component::ProgramConfig& config,
    const component::PlannedOutput& planned,
    std::unique_ptr<pipeline::Output> output
) {
    const bool required = std::ranges::any_of(config.pipeline.routes, [&](const auto& route) {
        return route.options.is_required &&
               std::ranges::find(route.options.to, planned.id) != route.options.to.end();
    });
    buffer::BufferedOutputSetup setup{
        .id = planned.id,
        .buffer = planned.buffer,
        .retry = planned.retry,
        .required = required,
        .expects_spooled = expects_spooled(config.pipeline, planned.id),
        .on_dead_letter =
            [this,
             id = planned.id,
             notice = std::make_shared<DeadLetterNotice>(
                 planned.id, place_of_letters(config, planned.id)
             )](BatchView rows, std::string_view code, std::string_view message, AckToken token) {
                notice->tell(rows, code, message);
                engine_.send_dead_letter(
                    id, rows, std::string(code), std::string(message), std::move(token)
                );
            },
    };
    return std::shared_ptr<pipeline::Output>(buffers_->wrap(std::move(output), std::move(setup)));
}

Result<component::RunningGraph> PipelineHost::build(
    const component::ProgramConfig& config, const component::RunningGraph* before
) {
    const component::GraphBuild build{
        .config = config.pipeline,
        .run =
            {.id = "",
             .registry = setup_.registry,
             .clock = io::system_clock(),
             .files = io::posix_file_system(),
             .state_dir = config.home,
             .host_name = config.host_name,
             .program = &setup_.services},
        .wrap = [&](const component::PlannedOutput& planned,
                    std::unique_ptr<pipeline::Output> output
                ) { return wrap(config, planned, std::move(output)); },
        .before = before,
        .dead_letter = "",
        .on_outputs = setup_.on_outputs,
    };
    SEYIR_TRY(component::RunningGraph graph, component::build_graph(build));
    SEYIR_CHECK(add_dead_letter(config, before, graph));
    if (setup_.adjust) {
        SEYIR_CHECK(setup_.adjust(config, before, graph));
    }
    return graph;
}

Result<void> PipelineHost::add_dead_letter(
    const component::ProgramConfig& config,
    const component::RunningGraph* before,
    component::RunningGraph& graph
) {
    if (graph.outputs.contains(kDeadLetter)) {
        graph.spec.dead_letter = kDeadLetter;
        return {};
    }
    if (!needs_dead_letter(config.pipeline) || !setup_.dead_letter) {
        return {};
    }
    const bool is_running = before != nullptr && before->outputs.contains(kDeadLetter) &&
                            before->outputs.at(kDeadLetter).type.empty();
    if (is_running) {
        graph.outputs[kDeadLetter] = before->outputs.at(kDeadLetter);
    } else {
        auto made = setup_.dead_letter(config.home);
        if (!made) {
            return made.error().context("the dead letter file");
        }
        graph.outputs[kDeadLetter] = {"", "", nullptr, std::move(*made)};
    }
    graph.spec.outputs.push_back({.id = kDeadLetter, .output = graph.outputs[kDeadLetter].component}
    );
    graph.spec.dead_letter = kDeadLetter;
    return {};
}

void PipelineHost::mount(const component::RunningGraph& graph) {
    std::vector<net::HttpRoute> routes;
    for (const pipeline::InputSpec& spec : graph.spec.inputs) {
        auto* mounted = dynamic_cast<component::HttpMounted*>(spec.input.get());
        if (mounted == nullptr) {
            continue;
        }
        for (net::HttpRoute& route : mounted->http_routes()) {
            // A request under way keeps its input alive.
            route.handler = [input = spec.input,
                             handler = std::move(route.handler)](net::HttpExchangePtr exchange) {
                handler(std::move(exchange));
            };
            routes.push_back(std::move(route));
        }
    }
    setup_.servers.mount(routes);
}

Result<void> PipelineHost::start(const component::ProgramConfig& config) {
    buffers_ = std::make_unique<buffer::BufferSet>(
        io::posix_file_system(), io::system_clock(), setup_.registry, config.home, setup_.disk
    );
    SEYIR_TRY(component::RunningGraph graph, build(config, nullptr));
    SEYIR_CHECK(engine_.start(graph.spec));
    mount(graph);
    graph_.store(std::make_shared<const component::RunningGraph>(std::move(graph)));
    look_for_left_rows();
    loss_watch_ = std::make_unique<LossWatch>(
        LossWatch::Setup{
            .file = config.home + "/collector_lost",
            .host_name = config.host_name,
            .send = [this](
                        const std::string& output, const BatchView& rows
                    ) { return engine_.send_event(output, rows); }
        },
        io::posix_file_system(),
        io::system_clock(),
        setup_.registry
    );
    return {};
}

Result<std::vector<component::Difference>> PipelineHost::reload(
    const component::ProgramConfig& config
) {
    const auto before = graph_.load();
    std::vector<component::Difference> differences = plan(config);
    if (differences.empty()) {
        return differences;
    }
    SEYIR_TRY(component::RunningGraph graph, build(config, before.get()));
    const SteadyTime drained_by = io::system_clock().steady_now() + kReloadDrainTime;
    if (auto replaced = engine_.replace(graph.spec, drained_by); !replaced) {
        keep(*before);
        return replaced.error();
    }
    mount(graph);
    graph_.store(std::make_shared<const component::RunningGraph>(std::move(graph)));
    has_left_buffers_ = true;
    return differences;
}

/// After a replacement that failed: inputs that were stopped for it have been made anew.
void PipelineHost::keep(component::RunningGraph graph) {
    for (pipeline::InputSpec& spec : graph.spec.inputs) {
        spec.input = engine_.input(spec.id);
        graph.inputs[spec.id].component = spec.input;
    }
    mount(graph);
    graph_.store(std::make_shared<const component::RunningGraph>(std::move(graph)));
}

std::vector<component::Difference> PipelineHost::plan(const component::ProgramConfig& config
) const {
    auto differences = component::compare(*graph_.load(), config.pipeline);
    std::erase_if(differences, [&](const component::Difference& difference) {
        return difference.kind == component::Difference::Kind::kChanged &&
               difference.section == "outputs" && is_fixed(config.pipeline, difference.id);
    });
    return differences;
}

void PipelineHost::tick() {
    engine_.tidy();
    loss_watch_->look(*graph_.load());
    if (setup_.notices) {
        const bool had_some = !own_notices_.empty();
        own_notices_ = setup_.notices();
        if (had_some || !own_notices_.empty()) {
            tell_notices();
        }
    }
    if (!has_left_buffers_ || engine_.leaving() != 0) {
        if (is_left_folder_gone()) {
            look_for_left_rows();
        }
        return;
    }
    has_left_buffers_ = false;
    std::vector<std::string> ids;
    for (const auto& [id, running] : graph_.load()->outputs) {
        ids.push_back(id);
    }
    buffers_->keep_only(ids);
    look_for_left_rows();
}

/// Rows the sources have an answer for, and no output sends: the operator must know.
void PipelineHost::look_for_left_rows() {
    left_folders_ = buffers_->find_left();
    tell_notices();
}

void PipelineHost::tell_notices() {
    std::vector<pipeline::ComponentStatus> notices = own_notices_;
    for (const buffer::LeftFolder& left : left_folders_) {
        notices.push_back(
            {left.id,
             "buffer",
             {false,
              fmt::format(
                  "{} rows wait in {}, which no output sends: {}",
                  left.rows,
                  left.folder,
                  buffer::remedy_for(left.id, left.folder)
              )}}
        );
    }
    engine_.set_notices(std::move(notices));
}

bool PipelineHost::is_left_folder_gone() const {
    return std::ranges::any_of(left_folders_, [](const buffer::LeftFolder& left) {
        return !io::posix_file_system().stat(left.folder);
    });
}

std::string describe(const std::vector<component::Difference>& differences) {
    std::string out;
    for (const component::Difference& difference : differences) {
        out += fmt::format(
            "{} {}.{}{}\n",
            word(difference.kind),
            difference.section,
            difference.id,
            difference.detail.empty() ? "" : " (" + difference.detail + ")"
        );
    }
    return out;
}

}  // namespace seyir::service

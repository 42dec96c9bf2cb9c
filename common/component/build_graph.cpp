// SPDX-License-Identifier: Apache-2.0
#include "common/component/build_graph.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/component/fixed_at_start.hpp"

namespace seyir::component {
namespace {

template <class Map, class Planned>
auto unchanged(const Map* before, const Planned& planned, const Surroundings& made_with = {})
    -> const typename Map::mapped_type* {
    if (before == nullptr) {
        return nullptr;
    }
    const auto at = before->find(planned.id);
    const bool same = at != before->end() && at->second.type == planned.type &&
                      at->second.fingerprint == planned.fingerprint &&
                      at->second.made_with == made_with;
    return same ? &at->second : nullptr;
}

std::string text_of(const PlannedRoute& route) {
    return fmt::format(
        "{}|{}|{}|{}|{}|{}",
        fmt::join(route.options.from, ","),
        route.options.match,
        fmt::join(route.options.through, ","),
        fmt::join(route.options.to, ","),
        route.options.dead_letter,
        route.options.is_required
    );
}

bool is_fixed_at_start(const PlannedOutput& output) {
    return dynamic_cast<const FixedAtStart*>(output.plan.get()) != nullptr;
}

class Builder {
  public:
    explicit Builder(const GraphBuild& build) : build_(build) {}

    Result<RunningGraph> build() {
        made_.spec.dead_letter = build_.dead_letter;
        for (const PlannedOutput& output : build_.config.outputs) {
            SEYIR_CHECK(add_output(output));
        }
        if (build_.on_outputs) {
            before_input_ = build_.on_outputs(made_, build_.config);
        }
        for (const PlannedFilter& filter : build_.config.filters) {
            add_filter(filter);
        }
        for (const PlannedInput& input : build_.config.inputs) {
            SEYIR_CHECK(add_input(input));
        }
        for (const PlannedRoute& route : build_.config.routes) {
            made_.routes[route.options.name] = text_of(route);
            add_route(route);
        }
        return std::move(made_);
    }

  private:
    RunContext context(const std::string& id) const {
        RunContext run = build_.run;
        run.id = id;
        return run;
    }

    Result<void> add_output(const PlannedOutput& planned) {
        const auto* kept =
            unchanged(build_.before == nullptr ? nullptr : &build_.before->outputs, planned);
        const auto* fixed = fixed_before(planned);
        if (kept != nullptr || fixed != nullptr) {
            made_.outputs[planned.id] = kept != nullptr ? *kept : *fixed;
        } else {
            auto output = planned.plan->instantiate(context(planned.id));
            if (!output) {
                return output.error().context("output " + planned.id);
            }
            std::shared_ptr<pipeline::Output> wrapped;
            if (build_.wrap) {
                auto done = build_.wrap(planned, std::move(*output));
                if (!done) {
                    return done.error().context("output " + planned.id);
                }
                wrapped = std::move(*done);
            } else {
                wrapped = std::move(*output);
            }
            made_.outputs[planned.id] = {
                planned.type, planned.fingerprint, planned.plan, std::move(wrapped), {}
            };
        }
        made_.spec.outputs.push_back(
            {.id = planned.id,
             .output = made_.outputs[planned.id].component,
             .is_buffered = planned.buffer.kind == buffer::BufferOptions::Kind::kDisk}
        );
        return {};
    }

    /// The running output of this name, when only a restart changes it.
    const Running<pipeline::Output, OutputPlanPtr>* fixed_before(const PlannedOutput& planned
    ) const {
        if (build_.before == nullptr || !is_fixed_at_start(planned)) {
            return nullptr;
        }
        const auto at = build_.before->outputs.find(planned.id);
        const bool is_same = at != build_.before->outputs.end() && at->second.type == planned.type;
        return is_same ? &at->second : nullptr;
    }

    void add_filter(const PlannedFilter& planned) {
        // The plan of an unchanged filter is kept: what its instances share (a throttle's budget,
        // an alert's window) lives there.
        const auto* kept =
            unchanged(build_.before == nullptr ? nullptr : &build_.before->filters, planned);
        const FilterPlanPtr plan = kept != nullptr ? kept->plan : planned.plan;
        made_.filters[planned.id] = {planned.type, planned.fingerprint, plan, nullptr, {}};
        made_.spec.filters.push_back(filter_spec(planned, plan, context(planned.id)));
    }

    Result<void> add_input(const PlannedInput& planned) {
        Surroundings made_with = surroundings_of(planned, build_.config);
        const auto* kept = unchanged(
            build_.before == nullptr ? nullptr : &build_.before->inputs, planned, made_with
        );
        // The filter's plan is kept alive by the input's maker.
        const FilterPlanPtr joined = first_filter_of(planned);
        const InputContext run{
            .run = context(planned.id),
            .program = *build_.run.program,
            .takes_over = joined.get(),
        };
        const auto make = [plan = planned.plan, joined, run, before = before_input_](
                          ) -> Result<std::shared_ptr<pipeline::Input>> {
            if (before) {
                before(run.run.id);
            }
            SEYIR_TRY(auto made, plan->instantiate(run));
            return std::shared_ptr<pipeline::Input>(std::move(made));
        };
        if (kept != nullptr) {
            made_.inputs[planned.id] = *kept;
        } else {
            auto input = make();
            if (!input) {
                return input.error().context("input " + planned.id);
            }
            made_.inputs[planned.id] = {
                planned.type,
                planned.fingerprint,
                planned.plan,
                std::move(*input),
                std::move(made_with)
            };
        }
        made_.spec.inputs.push_back(
            {.id = planned.id, .input = made_.inputs[planned.id].component, .remake = make}
        );
        return {};
    }

    /// The filter the input does the work of, as its first route that has one says.
    FilterPlanPtr first_filter_of(const PlannedInput& input) const {
        for (const PlannedRoute& route : build_.config.routes) {
            const config::RouteOptions& options = route.options;
            const bool is_read = std::ranges::find(options.from, input.id) != options.from.end();
            if (!is_read || options.through.empty()) {
                continue;
            }
            const FilterPlanPtr& first = made_.filters.at(options.through[0]).plan;
            if (input.plan->takes_over(*first)) {
                return first;
            }
        }
        return nullptr;
    }

    /// Inputs that join lines themselves skip the filter that says how.
    void add_route(const PlannedRoute& planned) {
        const config::RouteOptions& options = planned.options;
        pipeline::Route route{
            .name = options.name,
            .from = {},
            .match = planned.match,
            .through = options.through,
            .to = options.to,
            .dead_letter = options.dead_letter,
            .required = options.is_required,
        };
        pipeline::Route without_first = route;
        const FilterPlan* first = nullptr;
        if (!route.through.empty()) {
            first = made_.filters.at(route.through[0]).plan.get();
            without_first.through.erase(without_first.through.begin());
        }
        for (const std::string& id : options.from) {
            const bool takes_over =
                first != nullptr && made_.inputs.at(id).plan->takes_over(*first);
            (takes_over ? without_first : route).from.push_back(id);
        }
        if (!without_first.from.empty()) {
            made_.spec.routes.push_back(std::move(without_first));
        }
        if (!route.from.empty()) {
            made_.spec.routes.push_back(std::move(route));
        }
    }

    const GraphBuild& build_;
    RunningGraph made_;
    BeforeInput before_input_;
};

/// "" = the input stays.
std::string why_restarted(const Surroundings& before, const Surroundings& next) {
    for (const auto& [what, fingerprint] : next) {
        const auto at = before.find(what);
        if (at == before.end()) {
            return fmt::format("its {} was added", what);
        }
        if (at->second != fingerprint) {
            return fmt::format("its {} changed", what);
        }
    }
    for (const auto& [what, fingerprint] : before) {
        if (!next.contains(what)) {
            return fmt::format("its {} was removed", what);
        }
    }
    return "";
}

/// `restarted` says why a component nobody changed is made anew; "" = it is not.
template <class Map, class Plans, class Restarted>
void compare_section(
    std::vector<Difference>& out,
    const char* section,
    const Map& before,
    const Plans& next,
    const Restarted& restarted
) {
    for (const auto& planned : next) {
        const auto at = before.find(planned.id);
        if (at == before.end()) {
            out.push_back({Difference::Kind::kAdded, section, planned.id, planned.type});
        } else if (at->second.type != planned.type) {
            out.push_back(
                {Difference::Kind::kChanged,
                 section,
                 planned.id,
                 fmt::format("type {} becomes {}", at->second.type, planned.type)}
            );
        } else if (at->second.fingerprint != planned.fingerprint) {
            out.push_back({Difference::Kind::kChanged, section, planned.id, planned.type});
        } else if (std::string why = restarted(planned); !why.empty()) {
            out.push_back({Difference::Kind::kRestarted, section, planned.id, std::move(why)});
        }
    }
    for (const auto& [id, running] : before) {
        const bool stays = std::ranges::any_of(next, [&](const auto& p) { return p.id == id; });
        const bool is_configured = !running.type.empty();  // programs add some of their own
        if (!stays && is_configured) {
            out.push_back({Difference::Kind::kRemoved, section, id, running.type});
        }
    }
}

}  // namespace

Surroundings surroundings_of(const PlannedInput& input, const PipelineConfig& config) {
    Surroundings all;
    if (!input.plan->has_positions()) {
        return all;
    }
    // It resumes where its output says, and does its route's joining: both decide what it is.
    for (const PlannedRoute& route : config.routes) {
        const config::RouteOptions& options = route.options;
        if (std::ranges::find(options.from, input.id) == options.from.end()) {
            continue;
        }
        for (const PlannedOutput& output : config.outputs) {
            if (std::ranges::find(options.to, output.id) != options.to.end()) {
                all["output " + output.id] = is_fixed_at_start(output) ? "" : output.fingerprint;
            }
        }
        for (const PlannedFilter& filter : config.filters) {
            const bool is_first = !options.through.empty() && options.through[0] == filter.id;
            if (is_first && input.plan->takes_over(*filter.plan)) {
                all["filter " + filter.id] = filter.fingerprint;
            }
        }
    }
    return all;
}

pipeline::FilterSpec filter_spec(
    const PlannedFilter& planned, const FilterPlanPtr& plan, RunContext run
) {
    std::vector<std::string> events;
    for (const config::NamedPlace& output : plan->event_outputs()) {
        events.push_back(output.name);
    }
    return {
        .id = planned.id,
        .make = [plan, run = std::move(run)] { return plan->instantiate(run); },
        .on_error = planned.on_error,
        .is_sensitive = plan->is_sensitive(),
        .wants_timer = plan->wants_timer(),
        .event_outputs = std::move(events),
        .trouble = [plan] { return plan->trouble(); },
    };
}

Result<RunningGraph> build_graph(const GraphBuild& build) {
    return Builder(build).build();
}

std::vector<Difference> compare(const RunningGraph& before, const PipelineConfig& next) {
    std::vector<Difference> out;
    const auto never = [](const auto&) { return std::string(); };
    compare_section(out, "inputs", before.inputs, next.inputs, [&](const PlannedInput& input) {
        return why_restarted(before.inputs.at(input.id).made_with, surroundings_of(input, next));
    });
    compare_section(out, "filters", before.filters, next.filters, never);
    compare_section(out, "outputs", before.outputs, next.outputs, never);
    for (const PlannedRoute& route : next.routes) {
        const auto at = before.routes.find(route.options.name);
        if (at == before.routes.end()) {
            out.push_back({Difference::Kind::kAdded, "routes", route.options.name, ""});
        } else if (at->second != text_of(route)) {
            out.push_back({Difference::Kind::kChanged, "routes", route.options.name, ""});
        }
    }
    for (const auto& [name, text] : before.routes) {
        const bool stays = std::ranges::any_of(next.routes, [&](const PlannedRoute& r) {
            return r.options.name == name;
        });
        if (!stays) {
            out.push_back({Difference::Kind::kRemoved, "routes", name, ""});
        }
    }
    return out;
}

}  // namespace seyir::component

// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/topology.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::pipeline {
namespace {

template <class Slots>
std::optional<size_t> index_of(const Slots& slots, const std::string& id) {
    const auto at = std::ranges::find_if(slots, [&](const auto& s) { return s->spec.id == id; });
    return at == slots.end() ? std::nullopt
                             : std::optional(static_cast<size_t>(at - slots.begin()));
}

Error unknown(const std::string& who, const char* verb, const std::string& id, const char* kind) {
    return fail(
        ErrorCode::kInvalidConfig, fmt::format("{} {} `{}`, which is not {}", who, verb, id, kind)
    );
}

class Builder {
  public:
    Builder(metrics::Registry& registry, const Topology* before)
        : registry_(registry), before_(before) {}

    Result<std::shared_ptr<Topology>> build(GraphSpec spec, size_t workers) {
        for (InputSpec& input : spec.inputs) {
            add_input(std::move(input));
        }
        for (OutputSpec& output : spec.outputs) {
            add_output(std::move(output));
        }
        for (FilterSpec& filter : spec.filters) {
            SEYIR_CHECK(add_filter(std::move(filter)));
        }
        for (Route& route : spec.routes) {
            SEYIR_CHECK(add_route(std::move(route), spec.dead_letter));
        }
        SEYIR_CHECK(make_chains(workers));
        return std::move(made_);
    }

  private:
    void add_input(InputSpec spec) {
        std::shared_ptr<InputSlot> slot;
        for (size_t i = 0; before_ != nullptr && i < before_->inputs.size(); ++i) {
            if (before_->inputs[i]->spec.input == spec.input) {
                slot = before_->inputs[i];
            }
        }
        if (slot == nullptr) {
            slot = std::make_shared<InputSlot>(registry_, std::move(spec));
        }
        made_->input_index[slot.get()] = made_->inputs.size();
        made_->inputs.push_back(std::move(slot));
        made_->input_routes.emplace_back();
        made_->needs_worker.push_back(false);
    }

    void add_output(OutputSpec spec) {
        for (size_t i = 0; before_ != nullptr && i < before_->outputs.size(); ++i) {
            if (before_->outputs[i]->spec.output == spec.output) {
                made_->outputs.push_back(before_->outputs[i]);
                return;
            }
        }
        made_->outputs.push_back(std::make_shared<OutputSlot>(registry_, std::move(spec)));
    }

    Result<void> add_filter(FilterSpec spec) {
        std::vector<size_t> events;
        for (const std::string& id : spec.event_outputs) {
            const auto at = index_of(made_->outputs, id);
            if (!at) {
                return unknown("filter `" + spec.id + "`", "sends to", id, "an output");
            }
            events.push_back(*at);
        }
        made_->has_timers = made_->has_timers || spec.wants_timer;
        made_->event_outputs.push_back(std::move(events));
        made_->filters.push_back(std::make_shared<FilterSlot>(registry_, std::move(spec)));
        return {};
    }

    Result<void> add_route(Route route, const std::string& default_dead_letter) {
        const std::string who = "route `" + route.name + "`";
        RoutePlan plan{
            .name = route.name,
            .match = std::move(route.match),
            .filters = {},
            .outputs = {},
            .dead_letter = std::nullopt,
            .required = route.required,
        };
        for (const std::string& id : route.through) {
            const auto at = index_of(made_->filters, id);
            if (!at) {
                return unknown(who, "goes through", id, "a filter");
            }
            plan.filters.push_back(*at);
        }
        for (const std::string& id : route.to) {
            const auto at = index_of(made_->outputs, id);
            if (!at) {
                return unknown(who, "sends to", id, "an output");
            }
            plan.outputs.push_back(*at);
        }
        const std::string& dead =
            route.dead_letter.empty() ? default_dead_letter : route.dead_letter;
        if (!dead.empty()) {
            plan.dead_letter = index_of(made_->outputs, dead);
            if (!plan.dead_letter) {
                return unknown(who, "sends dead letters to", dead, "an output");
            }
        }
        return connect(std::move(plan), route.from, who);
    }

    Result<void> connect(
        RoutePlan plan, const std::vector<std::string>& from, const std::string& who
    ) {
        for (const std::string& id : from) {
            if (!index_of(made_->inputs, id)) {
                return unknown(who, "reads from", id, "an input");
            }
        }
        for (size_t i = 0; i < made_->inputs.size(); ++i) {
            const std::string& id = made_->inputs[i]->spec.id;
            if (from.empty() || std::ranges::find(from, id) != from.end()) {
                made_->input_routes[i].push_back(made_->routes.size());
                made_->needs_worker[i] = made_->needs_worker[i] || !plan.filters.empty();
            }
        }
        made_->routes.push_back(std::move(plan));
        return {};
    }

    Result<void> make_chains(size_t workers) {
        made_->chains = std::make_shared<std::vector<std::vector<Chain>>>(workers);
        for (std::vector<Chain>& of_worker : *made_->chains) {
            for (const RoutePlan& route : made_->routes) {
                Chain chain;
                for (const size_t f : route.filters) {
                    const FilterSpec& spec = made_->filters[f]->spec;
                    auto filter = spec.make();
                    if (!filter) {
                        return filter.error().context("making filter " + spec.id);
                    }
                    chain.filters.push_back(std::move(*filter));
                }
                of_worker.push_back(std::move(chain));
            }
        }
        return {};
    }

    metrics::Registry& registry_;
    const Topology* before_;
    std::shared_ptr<Topology> made_ = std::make_shared<Topology>();
};

}  // namespace

Result<std::shared_ptr<Topology>> build_topology(
    GraphSpec spec, size_t workers, metrics::Registry& registry, const Topology* before
) {
    return Builder(registry, before).build(std::move(spec), workers);
}

}  // namespace seyir::pipeline

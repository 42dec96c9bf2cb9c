// SPDX-License-Identifier: Apache-2.0
// seyir graph: how records go from inputs to outputs, as text or for Graphviz.
#include <set>
#include <string>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/component/tells_loss.hpp"
#include "ctl/pipeline/load_program.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using component::PipelineConfig;
using component::PlannedRoute;

template <class List>
std::string type_of(const List& components, const std::string& id) {
    for (const auto& component : components) {
        if (component.id == id) {
            return component.type;
        }
    }
    return "";
}

std::string as_text(const PipelineConfig& pipeline) {
    std::string out;
    for (const PlannedRoute& route : pipeline.routes) {
        const config::RouteOptions& options = route.options;
        out +=
            fmt::format("route {}{}\n", options.name, options.is_required ? "" : " (not required)");
        for (const std::string& id : options.from) {
            out += fmt::format("  from     {:<20} {}\n", id, type_of(pipeline.inputs, id));
        }
        if (!options.match.empty()) {
            out += fmt::format("  match    {}\n", options.match);
        }
        for (const std::string& id : options.through) {
            out += fmt::format("  through  {:<20} {}\n", id, type_of(pipeline.filters, id));
        }
        for (const std::string& id : options.to) {
            out += fmt::format("  to       {:<20} {}\n", id, type_of(pipeline.outputs, id));
        }
        if (!options.dead_letter.empty()) {
            out += fmt::format("  failed   {}\n", options.dead_letter);
        }
    }
    for (const component::PlannedFilter& filter : pipeline.filters) {
        for (const config::NamedPlace& output : filter.plan->event_outputs()) {
            out += fmt::format("events of {} go to {}\n", filter.id, output.name);
        }
    }
    for (const component::PlannedOutput& planned : pipeline.outputs) {
        const component::LossNotice* notice = component::loss_notice_of(planned.plan.get());
        for (size_t i = 0; notice != nullptr && i < notice->to.size(); ++i) {
            out += fmt::format("the loss of {} is told to {}\n", planned.id, notice->to[i].name);
        }
    }
    return out;
}

/// https://graphviz.org/doc/info/lang.html
std::string as_dot(const PipelineConfig& pipeline) {
    std::string out = "digraph seyir {\n  rankdir=LR;\n  node [shape=box];\n";
    const auto node = [&](const char* section, const auto& components, const char* shape) {
        for (const auto& c : components) {
            out += fmt::format(
                "  \"{}.{}\" [label={}, shape={}];\n",
                section,
                c.id,
                json_quote(c.id + "\n" + c.type),
                shape
            );
        }
    };
    node("inputs", pipeline.inputs, "cds");
    node("filters", pipeline.filters, "box");
    node("outputs", pipeline.outputs, "cylinder");
    std::set<std::string> edges;
    for (const PlannedRoute& route : pipeline.routes) {
        const config::RouteOptions& o = route.options;
        std::vector<std::string> heads;
        for (const std::string& id : o.from) {
            heads.push_back("inputs." + id);
        }
        std::string label = json_quote(o.match.empty() ? o.name : o.name + ": " + o.match);
        const auto connect = [&](const std::string& to) {
            for (const std::string& head : heads) {
                edges.insert(fmt::format("  \"{}\" -> \"{}\" [label={}];\n", head, to, label));
            }
        };
        for (const std::string& id : o.through) {
            connect("filters." + id);
            heads = {"filters." + id};
            label = json_quote(o.name);
        }
        for (const std::string& id : o.to) {
            connect("outputs." + id);
        }
        if (!o.dead_letter.empty()) {
            label = json_quote("failed");
            connect("outputs." + o.dead_letter);
        }
    }
    for (const component::PlannedFilter& filter : pipeline.filters) {
        for (const config::NamedPlace& output : filter.plan->event_outputs()) {
            edges.insert(fmt::format(
                "  \"filters.{}\" -> \"outputs.{}\" [label=events, style=dashed];\n",
                filter.id,
                output.name
            ));
        }
    }
    for (const component::PlannedOutput& planned : pipeline.outputs) {
        const component::LossNotice* notice = component::loss_notice_of(planned.plan.get());
        for (size_t i = 0; notice != nullptr && i < notice->to.size(); ++i) {
            edges.insert(fmt::format(
                "  \"outputs.{}\" -> \"outputs.{}\" [label=lost, style=dashed];\n",
                planned.id,
                notice->to[i].name
            ));
        }
    }
    for (const std::string& edge : edges) {
        out += edge;
    }
    return out + "}\n";
}

}  // namespace

int graph_command(const Arguments& arguments) {
    const auto file = load_program(arguments.values[0], arguments, false);
    if (!file) {
        return config::kExitBadConfig;
    }
    const std::string text =
        arguments.has("dot") ? as_dot(file->config->pipeline) : as_text(file->config->pipeline);
    const auto printed = print(text);
    return printed ? kExitOk : report(printed.error());
}

}  // namespace seyir::ctl

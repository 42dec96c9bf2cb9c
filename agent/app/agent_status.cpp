// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_status.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/buffer/spooled_output.hpp"
#include "common/io/clock.hpp"
#include "common/pipeline/report.hpp"
#include "common/service/self_routes.hpp"

namespace seyir::agent {

namespace {

/// Of the outputs that rows of this input go to.
std::string spools_of(const component::RunningGraph& graph, const std::string& input) {
    std::set<std::string> outputs;
    for (const pipeline::Route& route : graph.spec.routes) {
        if (route.from.empty() || std::ranges::find(route.from, input) != route.from.end()) {
            outputs.insert(route.to.begin(), route.to.end());
        }
    }
    std::string out;
    for (const std::string& id : outputs) {
        const auto at = graph.outputs.find(id);
        const auto* spooled =
            at == graph.outputs.end()
                ? nullptr
                : dynamic_cast<const buffer::SpooledOutput*>(at->second.component.get());
        const std::string members = spooled == nullptr ? "" : spooled->spool_report();
        if (!members.empty()) {
            out += fmt::format(
                R"({}{{"output":{},{}}})", out.empty() ? "" : ",", json_quote(id), members
            );
        }
    }
    return out;
}

}  // namespace

std::string inputs_json(const component::RunningGraph& graph) {
    std::string out;
    for (const auto& [id, running] : graph.inputs) {
        const auto* reports = dynamic_cast<const pipeline::ReportsInput*>(running.component.get());
        if (reports == nullptr) {
            continue;
        }
        const pipeline::InputReport report = reports->report();
        out += out.empty() ? "" : ",";
        out += fmt::format(R"({{"id":{},"type":{})", json_quote(id), json_quote(running.type));
        if (report.lag_bytes) {
            out += fmt::format(R"(,"lag_bytes":{})", *report.lag_bytes);
        }
        out += fmt::format(
            R"(,"lag_seconds":{:.3f},"in_flight_bytes":{}{}{})",
            report.lag_seconds,
            report.in_flight_bytes,
            report.details.empty() ? "" : ",",
            report.details
        );
        if (!running.plan->has_positions()) {
            const std::string spools = spools_of(graph, id);
            out += spools.empty() ? "" : R"(,"spools":[)" + spools + "]";
        }
        out += '}';
    }
    return "[" + out + "]";
}

std::string outputs_json(const component::RunningGraph& graph) {
    std::string out;
    for (const auto& [id, running] : graph.outputs) {
        const auto* reports = dynamic_cast<const pipeline::ReportsOutput*>(running.component.get());
        const std::string members = reports == nullptr ? "" : reports->report();
        out += out.empty() ? "" : ",";
        out += fmt::format(
            R"({{"id":{},"type":{}{}{}}})",
            json_quote(id),
            json_quote(running.type),
            members.empty() ? "" : ",",
            members
        );
    }
    return "[" + out + "]";
}

net::HttpRoute status_route(service::PipelineHost& host) {
    const SteadyTime started = io::system_clock().steady_now();
    return {
        .method = "GET",
        .path = "/api/v1/status",
        .scope = net::Scope::kRead,
        .lane = net::Lane::kControl,
        .handler =
            [&host, started](const net::HttpExchangePtr& exchange) {
                const auto graph = host.graph();
                const auto up = io::system_clock().steady_now() - started;
                exchange->respond(net::HttpResponse::json(fmt::format(
                    R"({{"program":"seyir-agent","version":"{}","uptime_seconds":{:.1f},)"
                    R"("components":{},"inputs":{},"outputs":{}}})"
                    "\n",
                    kVersion,
                    std::chrono::duration<double>(up).count(),
                    service::components_json(host.engine().status()),
                    inputs_json(*graph),
                    outputs_json(*graph)
                )));
            },
    };
}

}  // namespace seyir::agent

// SPDX-License-Identifier: Apache-2.0
#include "common/service/self_routes.hpp"

#include <algorithm>
#include <utility>

#include "common/base/text.hpp"

namespace seyir::service {
namespace {

bool all_ok(const std::vector<pipeline::ComponentStatus>& components) {
    return std::ranges::all_of(components, [](const auto& c) { return c.health.ok; });
}

std::string health_json(
    const std::vector<pipeline::ComponentStatus>& components, const std::string& extra
) {
    std::string out = "{\"status\":\"";
    out += all_ok(components) ? "ok" : "degraded";
    out += "\",\"components\":" + components_json(components);
    if (!extra.empty()) {
        out += ',' + extra;
    }
    return out + "}\n";
}

net::HttpResponse ready_response(std::vector<pipeline::ComponentStatus> components) {
    // Rows left in a folder wait for the operator, a checkpoint for its disk; they keep no request
    // from being served.
    std::erase_if(components, [](const auto& c) {
        return c.kind == "buffer" || c.kind == "checkpoint";
    });
    if (all_ok(components)) {
        return net::HttpResponse::text(200, "ready\n");
    }
    std::string out = "not ready\n";
    for (const auto& component : components) {
        if (!component.health.ok) {
            out += component.id + ": " + component.health.message + "\n";
        }
    }
    return net::HttpResponse::text(503, std::move(out));
}

}  // namespace

std::string components_json(const std::vector<pipeline::ComponentStatus>& components) {
    std::string out = "[";
    for (const auto& component : components) {
        out += out.size() == 1 ? "{\"id\":" : ",{\"id\":";
        append_json_quoted(out, component.id);
        out += ",\"kind\":";
        append_json_quoted(out, component.kind);
        out += component.health.ok ? ",\"ok\":true,\"message\":" : ",\"ok\":false,\"message\":";
        append_json_quoted(out, component.health.message);
        out += '}';
    }
    return out + "]";
}

std::vector<net::HttpRoute> self_routes(
    const pipeline::Engine& engine, metrics::Registry& registry, ExtraHealth extra
) {
    const auto route = [](std::string path, net::HttpHandler handler, net::Scope scope) {
        return net::HttpRoute{
            .method = "GET",
            .path = std::move(path),
            .scope = scope,
            .lane = net::Lane::kControl,
            .handler = std::move(handler)
        };
    };
    std::vector<net::HttpRoute> routes;
    routes.push_back(route(
        "/health",
        [&engine, extra = std::move(extra)](const net::HttpExchangePtr& exchange) {
            const std::string more = extra ? extra() : std::string();
            exchange->respond(net::HttpResponse::json(health_json(engine.status(), more)));
        },
        net::Scope::kNone
    ));
    routes.push_back(route(
        "/ready",
        [&engine](const net::HttpExchangePtr& exchange) {
            exchange->respond(ready_response(engine.status()));
        },
        net::Scope::kNone
    ));
    routes.push_back(route(
        "/metrics",
        [&registry](const net::HttpExchangePtr& exchange) {
            net::HttpResponse response = net::HttpResponse::text(200, registry.text());
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            exchange->respond(std::move(response));
        },
        net::Scope::kRead
    ));
    return routes;
}

}  // namespace seyir::service

// SPDX-License-Identifier: Apache-2.0
#include "collector/api/loki_routes.hpp"

#include <fmt/format.h>

#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"

namespace seyir::collector::api {
namespace {

// Grafana asks which Loki it talks to and offers features by it; Drilldown wants 3.2 or newer.
constexpr std::string_view kLokiVersion = "3.5.0";

void handle_build_info(const net::HttpExchangePtr& exchange) {
    exchange->respond(net::HttpResponse::json(fmt::format(
        R"({{"version":"{}","revision":"seyir","branch":"","buildUser":"","buildDate":"","goVersion":""}})"
        "\n",
        kLokiVersion
    )));
}

}  // namespace

void respond_error(net::HttpExchange& exchange, const Error& error) {
    exchange.respond(net::HttpResponse::error(http_status(error.code), error));
}

std::vector<net::HttpRoute> loki_routes(
    store::LogStore& store, const query::QueryLimits& limits, io::Clock& clock
) {
    using Handle = void (*)(const Context&, const net::HttpExchangePtr&);
    const Context context{store, limits, clock};
    std::vector<net::HttpRoute> routes;
    const auto add = [&](std::string path, Handle handle) {
        for (const char* method : {"GET", "POST"}) {
            routes.push_back({
                .method = method,
                .path = "/loki/api/v1/" + path,
                .scope = net::Scope::kRead,
                .lane = net::Lane::kQuery,
                .handler = [context, handle](const net::HttpExchangePtr& exchange
                           ) { handle(context, exchange); },
            });
        }
    };
    add("query", handle_query);
    add("query_range", handle_query_range);
    add("labels", handle_labels);
    add("label", handle_labels);
    add("label/{name}/values", handle_label_values);
    add("series", handle_series);
    add("index/stats", handle_index_stats);
    routes.push_back({
        .method = "GET",
        .path = "/loki/api/v1/status/buildinfo",
        .scope = net::Scope::kRead,
        .lane = net::Lane::kControl,
        .handler = handle_build_info,
    });
    return routes;
}

}  // namespace seyir::collector::api

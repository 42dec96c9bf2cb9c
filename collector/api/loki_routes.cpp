// SPDX-License-Identifier: Apache-2.0
#include "collector/api/loki_routes.hpp"

#include <fmt/format.h>

#include "collector/api/admission.hpp"
#include "collector/api/handlers.hpp"
#include "collector/api/records/export_handler.hpp"
#include "collector/api/request_params.hpp"
#include "collector/api/tail/tail_handler.hpp"

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

/// What Logs Drilldown may offer. No patterns: they are not kept.
void handle_drilldown_limits(const Context& context, const net::HttpExchangePtr& exchange) {
    exchange->respond(net::HttpResponse::json(fmt::format(
        R"({{"limits":{{"discover_log_levels":{},"discover_service_name":[],"volume_enabled":true,)"
        R"("log_level_fields":["level","severity","lvl"],"max_entries_limit_per_query":{},)"
        R"("max_query_series":{},"volume_max_series":{},"query_timeout":"{}s","retention_period":"{}s"}},)"
        R"("pattern_ingester_enabled":false,"version":"{}"}})"
        "\n",
        context.limits.detects_level,
        context.limits.rows_max,
        context.limits.series_max,
        kVolumeSeriesMax,
        std::chrono::duration_cast<std::chrono::seconds>(context.limits.deadline).count(),
        std::chrono::duration_cast<std::chrono::seconds>(context.retention).count(),
        kLokiVersion
    )));
}

/// What is in force, in the words of Loki's file: clients look for these limits only.
void handle_config(const Context& context, const net::HttpExchangePtr& exchange) {
    exchange->respond(net::HttpResponse::text(
        200,
        fmt::format(
            "limits_config:\n"
            "  discover_log_levels: {}\n"
            "  max_entries_limit_per_query: {}\n"
            "  max_query_series: {}\n"
            "  query_timeout: {}s\n"
            "  retention_period: {}s\n"
            "  volume_enabled: true\n"
            "  volume_max_series: {}\n"
            "pattern_ingester:\n"
            "  enabled: false\n",
            context.limits.detects_level,
            context.limits.rows_max,
            context.limits.series_max,
            std::chrono::duration_cast<std::chrono::seconds>(context.limits.deadline).count(),
            std::chrono::duration_cast<std::chrono::seconds>(context.retention).count(),
            kVolumeSeriesMax
        )
    ));
}

/// Gathers routes whose handlers run by the rules of admission.
class Routes {
  public:
    Routes(Context context, std::shared_ptr<Admission> admission)
        : context_(std::move(context)), admission_(std::move(admission)) {}

    using Handle = void (*)(const Context&, const net::HttpExchangePtr&);

    /// Never waits.
    void add(std::string path, Handle handle) {
        add_with(
            std::move(path),
            [admission = admission_, run = bound(handle)](const auto& exchange) {
                admission->run_cheap(exchange, run);
            }
        );
    }

    /// Takes one of the places that what may take long shares.
    void add_long(std::string path, Handle handle) {
        add_with(
            std::move(path),
            [admission = admission_, run = bound(handle)](const auto& exchange) {
                admission->run(exchange, run);
            }
        );
    }

    /// Takes one where the query reads records.
    void add_query(std::string path, Handle handle) {
        add_with(
            std::move(path),
            [admission = admission_, run = bound(handle)](const auto& exchange) {
                if (reads_records(exchange->request())) {
                    admission->run(exchange, run);
                } else {
                    admission->run_cheap(exchange, run);
                }
            }
        );
    }

    std::vector<net::HttpRoute> take() { return std::move(routes_); }

  private:
    Admission::Work bound(Handle handle) const {
        return [context = context_, handle](const net::HttpExchangePtr& exchange) {
            handle(context, exchange);
        };
    }

    void add_with(std::string path, net::HttpHandler handler) {
        for (const char* method : {"GET", "POST"}) {
            routes_.push_back({
                .method = method,
                .path = path.starts_with('/') ? path : "/loki/api/v1/" + path,
                .scope = net::Scope::kRead,
                .lane = net::Lane::kQuery,
                .handler = handler,
            });
        }
    }

    const Context context_;
    const std::shared_ptr<Admission> admission_;
    std::vector<net::HttpRoute> routes_;
};

}  // namespace

void respond_error(net::HttpExchange& exchange, const Error& error) {
    exchange.respond(net::HttpResponse::error(http_status(error.code), error));
}

void finish(net::HttpExchange& exchange, const Result<void>& done) {
    if (!done) {
        respond_error(exchange, done.error());
    }
}

query::QueryContext query_context(const Context& context, const net::HttpExchangePtr& exchange) {
    return query::QueryContext(context.limits, context.clock, [exchange] {
        return exchange->cancelled();
    });
}

std::vector<net::HttpRoute> loki_routes(
    store::LogStore& store, const ApiOptions& options, io::Clock& clock
) {
    const Context context{store, options.limits, clock, options.retention};
    const auto admission = std::make_shared<Admission>(options.admission, clock, options.registry);
    Routes table(context, admission);
    table.add_query("query", handle_query);
    table.add_query("query_range", handle_query_range);
    table.add_long("index/stats", handle_index_stats);
    table.add_long("index/volume", handle_volume);
    table.add_long("index/volume_range", handle_volume_range);
    table.add_long("detected_fields", handle_detected_fields);
    table.add_long("detected_field/{name}/values", handle_detected_field_values);
    table.add("labels", handle_labels);
    table.add("label", handle_labels);
    table.add("label/{name}/values", handle_label_values);
    table.add("series", handle_series);
    table.add("detected_labels", handle_detected_labels);
    table.add("format_query", handle_format_query);
    table.add("drilldown-limits", handle_drilldown_limits);
    table.add("/config", handle_config);
    table.add_long("/api/v1/export", handle_export);
    std::vector<net::HttpRoute> routes = table.take();
    const auto hub = std::make_shared<TailHub>(store, clock, options.registry);
    routes.push_back({
        .method = "GET",
        .path = "/loki/api/v1/tail",
        .scope = net::Scope::kRead,
        .lane = net::Lane::kQuery,
        .handler =
            [context, hub, admission](const net::HttpExchangePtr& exchange) {
                admission->run(exchange, [context, hub](const net::HttpExchangePtr& admitted) {
                    handle_tail(context, *hub, admitted);
                });
            },
    });
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

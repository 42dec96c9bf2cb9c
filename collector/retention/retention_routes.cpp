// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/retention_routes.hpp"

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::collector::retention {
namespace {

bool is_set(const net::HttpRequest& request, std::string_view name) {
    const auto value = request.parameter(name);
    return value && (*value == "true" || *value == "1");
}

std::string state_json(CleanUpService& service, const CleanUpOptions& options) {
    const CleanUpState state = service.state();
    const auto due = service.run_now({.trigger = "operator", .dry_run = true});
    return fmt::format(
        R"({{"retention_seconds":{},"has_classes":{},"max_size_bytes":{},"archive_directory":{},"running":{},"next":{},)"
        R"("failed_attempts":{},"last":{},"due":{}}})"
        "\n",
        std::chrono::duration_cast<std::chrono::seconds>(options.retention.all()).count(),
        options.retention.longest() != options.retention.shortest(),
        options.file_bytes_max,
        json_quote(options.archive_directory),
        state.is_running,
        state.next ? json_quote(to_rfc3339(*state.next)) : "null",
        state.failed_attempts,
        state.last ? state.last->json() : "null",
        due ? due->json() : "null"
    );
}

}  // namespace

std::vector<net::HttpRoute> retention_routes(
    CleanUpService& service, const CleanUpOptions& options
) {
    const net::HttpRoute show{
        .method = "GET",
        .path = "/api/v1/retention",
        .scope = net::Scope::kRead,
        .lane = net::Lane::kControl,
        .handler = [&service, options](const net::HttpExchangePtr& exchange
                   ) { exchange->respond(net::HttpResponse::json(state_json(service, options))); }
    };
    const net::HttpRoute run{
        .method = "POST",
        .path = "/api/v1/retention/run",
        .scope = net::Scope::kAdmin,
        .lane = net::Lane::kQuery,
        .handler =
            [&service](const net::HttpExchangePtr& exchange) {
                const net::HttpRequest& request = exchange->request();
                const auto report = service.run_now(
                    {.trigger = "operator",
                     .confirm = is_set(request, "confirm"),
                     .dry_run = is_set(request, "dry_run")}
                );
                exchange->respond(
                    report ? net::HttpResponse::json(report->json() + "\n")
                           : net::HttpResponse::error(409, report.error())
                );
            }
    };
    return {show, run};
}

}  // namespace seyir::collector::retention

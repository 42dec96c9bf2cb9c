// SPDX-License-Identifier: Apache-2.0
#include "collector/api/metrics/metrics_routes.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "collector/api/handlers.hpp"
#include "collector/api/metrics/metrics_export.hpp"
#include "collector/api/request_params.hpp"
#include "common/base/log.hpp"

namespace seyir::collector::api {
namespace {

constexpr Nanos kDefaultSpan = std::chrono::hours(1);
constexpr int kAtOnceMax = 2;

struct Wanted {
    TimeRange range;
    SeriesSelector selector;
    bool is_json = false;
};

Result<Wanted> read_wanted(const net::HttpRequest& request, UnixNanos now) {
    Wanted wanted;
    SEYIR_TRY(wanted.range, read_range(request, now, kDefaultSpan));
    const std::string_view format = request.parameter("format").value_or("openmetrics");
    if (format != "openmetrics" && format != "jsonl") {
        return fail(
            ErrorCode::kInvalidArgument,
            "format is openmetrics or jsonl, not `" + std::string(format) + "`"
        );
    }
    wanted.is_json = format == "jsonl";
    const std::string_view match = request.parameter("match[]").value_or("");
    SEYIR_TRY(wanted.selector, SeriesSelector::compile(match));
    return wanted;
}

Result<void> answer(
    const store::MetricView& view, const Wanted& wanted, net::HttpExchange& exchange
) {
    MetricsExport work(view, wanted.range, wanted.selector);
    SEYIR_TRY(const uint64_t samples, work.count());
    net::HttpResponse head;
    head.content_type = wanted.is_json
                            ? "application/x-ndjson"
                            : "application/openmetrics-text; version=1.0.0; charset=utf-8";
    head.headers.emplace_back(kSamplesHeader, std::to_string(samples));
    exchange.begin_stream(std::move(head));
    const auto sink = [&](std::string_view piece) {
        return !exchange.cancelled() && exchange.write(piece).has_value();
    };
    const auto written =
        wanted.is_json ? work.write_json_lines(sink) : work.write_open_metrics(sink);
    if (written) {
        exchange.end_stream();
    } else if (written.error().code != ErrorCode::kClosed) {
        log::error("api", "an export of metrics failed", {{"error", written.error().message}});
    }
    return {};  // begun: without its end the client sees that it was cut
}

}  // namespace

std::vector<net::HttpRoute> metrics_routes(OpenMetricView open, io::Clock& clock) {
    const auto running = std::make_shared<std::atomic<int>>(0);
    const auto handle =
        [open = std::move(open), &clock, running](const net::HttpExchangePtr& exchange) {
            const std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)> place(
                running.get(), [](std::atomic<int>* count) { --*count; }
            );
            if (++*running > kAtOnceMax) {
                exchange->respond(net::HttpResponse::error(
                    429, fail(ErrorCode::kBackpressure, "two exports of metrics run already")
                ));
                return;
            }
            const net::HttpRequest& request = exchange->request();
            const auto wanted = read_wanted(request, clock.wall_now());
            if (!wanted) {
                respond_error(*exchange, wanted.error());
                return;
            }
            const auto view = open(TenantId{request.tenant});
            if (!view) {
                respond_error(*exchange, view.error());
                return;
            }
            finish(*exchange, answer(*view, *wanted, *exchange));
        };
    return {
        {.method = "GET",
         .path = "/api/v1/export/metrics",
         .scope = net::Scope::kRead,
         .lane = net::Lane::kQuery,
         .handler = handle}
    };
}

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"
#include "collector/api/result_writer.hpp"
#include "collector/query/engine.hpp"
#include "common/base/text.hpp"
#include "common/logql/format_query.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

/// The text for `explain=true`; "" when it was not asked for.
Result<std::string> explanation(
    const net::HttpRequest& request,
    std::string_view text,
    const logql::Expr& expr,
    TimeRange range,
    const query::Grid& grid
) {
    const auto wanted = request.parameter("explain");
    if (!wanted || (*wanted != "true" && *wanted != "1")) {
        return std::string();
    }
    return query::explain(text, expr, range, grid);
}

Result<void> answer_instant(const Context& context, const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    SEYIR_TRY(const std::string_view text, read_query(request));
    SEYIR_TRY(const auto expr, logql::parse(text));
    if (expr.is_log()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "log queries are not supported as an instant query type, please change your query to a "
            "range query type"
        );
    }
    query::Grid grid{.start_ns = context.clock.wall_now().value};
    if (const auto time = request.parameter("time"); time && !time->empty()) {
        SEYIR_TRY(const UnixNanos at, parse_time(*time));
        grid.start_ns = at.value;
    }
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(
        const auto result,
        query::run_metric_query(context.store, text, expr, tenant_of(request), grid, running)
    );
    SEYIR_TRY(const std::string explained, explanation(request, text, expr, {}, grid));
    AnswerStream answer(exchange);
    write_vector(answer, result, grid, running.finish(), explained);
    return {};
}

Result<void> answer_logs(
    const Context& context,
    const net::HttpExchangePtr& exchange,
    std::string_view text,
    const logql::Expr& expr,
    TimeRange range
) {
    const net::HttpRequest& request = exchange->request();
    SEYIR_TRY(const StreamsFormat format, read_streams_format(request));
    query::LogRequest log{.tenant = tenant_of(request), .range = range};
    log.categorize = format.categorize;
    SEYIR_TRY(log.limit, read_limit(request, context.limits));
    SEYIR_TRY(log.direction, read_direction(request));
    SEYIR_TRY(log.interval, read_interval(request));
    SEYIR_TRY(const auto plan, query::LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(const auto result, query::run_log_query(context.store, plan, log, running));
    SEYIR_TRY(const std::string explained, explanation(request, text, expr, range, {}));
    AnswerStream answer(exchange);
    write_streams(answer, result, format, running.finish(), explained);
    return {};
}

Result<void> answer_range(const Context& context, const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    SEYIR_TRY(const std::string_view text, read_query(request));
    SEYIR_TRY(const auto expr, logql::parse(text));
    SEYIR_TRY(const TimeRange range, read_range(request, context.clock.wall_now(), 1h));
    if (expr.is_log()) {
        return answer_logs(context, exchange, text, expr, range);
    }
    SEYIR_TRY(const query::Grid grid, read_grid(request, range, context.limits));
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(
        const auto result,
        query::run_metric_query(context.store, text, expr, tenant_of(request), grid, running)
    );
    SEYIR_TRY(const std::string explained, explanation(request, text, expr, range, grid));
    AnswerStream answer(exchange);
    write_matrix(answer, result, grid, running.finish(), explained);
    return {};
}

/// The query in one way of writing it; long ones with a stage a line.
Result<void> answer_format(net::HttpExchange& exchange) {
    SEYIR_TRY(const std::string_view text, read_query(exchange.request()));
    SEYIR_TRY(const std::string formatted, logql::format_query(text));
    std::string body = R"({"status":"success","data":)";
    append_json_quoted(body, formatted);
    body += "}\n";
    exchange.respond(net::HttpResponse::json(std::move(body)));
    return {};
}

}  // namespace

bool reads_records(const net::HttpRequest& request) {
    const auto text = read_query(request);
    const auto expr = text ? logql::parse(*text) : Result<logql::Expr>(text.error());
    return expr && query::reads_records(*expr);
}

void handle_query(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_instant(context, exchange));
}

void handle_query_range(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_range(context, exchange));
}

void handle_format_query(const Context&, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_format(*exchange));
}

}  // namespace seyir::collector::api

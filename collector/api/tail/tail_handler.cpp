// SPDX-License-Identifier: Apache-2.0
#include "collector/api/tail/tail_handler.hpp"

#include "collector/api/request_params.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kDelaySecondsMax = 5;
constexpr uint32_t kHistoryRowsMax = 5'000;
// Rows of hosts whose clock is ahead belong to the history, too.
constexpr Nanos kClockSkew = 1h;

Result<Nanos> read_delay(const net::HttpRequest& request) {
    const auto text = request.parameter("delay_for");
    if (!text || text->empty() || *text == "0") {
        return Nanos(0);
    }
    SEYIR_TRY(const uint64_t seconds, read_count("delay_for", *text, kDelaySecondsMax));
    return Nanos(std::chrono::seconds(seconds));
}

/// The newest `limit` rows since `start`; none with limit=0.
Result<query::LogRequest> read_history(const Context& context, const net::HttpRequest& request) {
    const UnixNanos now = context.clock.wall_now();
    query::LogRequest history{.tenant = tenant_of(request)};
    history.range = {now - Nanos(1h), now + kClockSkew};
    if (const auto start = request.parameter("start"); start && !start->empty()) {
        SEYIR_TRY(history.range.begin, parse_time(*start));
    }
    history.range.begin = std::min(history.range.begin, history.range.end);
    history.limit = 0;
    if (request.parameter("limit") != "0") {
        SEYIR_TRY(history.limit, read_limit(request, context.limits));
    }
    history.limit = std::min(history.limit, kHistoryRowsMax);
    return history;
}

Result<void> open_tail(const Context& context, TailHub& hub, const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    SEYIR_TRY(const std::string_view text, read_query(request));
    SEYIR_TRY(const auto expr, logql::parse(text));
    if (!expr.is_log()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "tail follows lines, not numbers: it takes a log query, not a metric query"
        );
    }
    SEYIR_TRY(auto made, query::LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
    const auto plan = std::make_shared<const query::LogPlan>(std::move(made));
    TailRequest tail{.tenant = tenant_of(request), .detects_level = context.limits.detects_level};
    SEYIR_TRY(tail.format, read_streams_format(request));
    SEYIR_TRY(tail.delay, read_delay(request));
    SEYIR_TRY(query::LogRequest history, read_history(context, request));
    history.categorize = tail.format.categorize;
    const auto session = std::make_shared<TailSession>(plan, tail, exchange);
    SEYIR_CHECK(hub.add(session));
    const auto begin = [&]() -> Result<void> {
        query::LogResult rows;
        if (history.limit > 0) {
            query::QueryContext running = query_context(context, exchange);
            SEYIR_TRY(rows, query::run_log_query(context.store, *plan, history, running));
        }
        return session->begin(rows, context.clock.steady_now());
    };
    if (auto begun = begin(); !begun) {
        hub.remove(session);
        return begun;
    }
    return {};
}

}  // namespace

void handle_tail(const Context& context, TailHub& hub, const net::HttpExchangePtr& exchange) {
    finish(*exchange, open_tail(context, hub, exchange));
}

}  // namespace seyir::collector::api

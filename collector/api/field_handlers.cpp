// SPDX-License-Identifier: Apache-2.0
// detected_fields and detected_field/{name}/values: what newest rows of a query hold.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "collector/api/fields/field_detector.hpp"
#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"
#include "collector/query/plan.hpp"
#include "common/base/text.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kLinesDefault = 1'000;
constexpr uint64_t kLinesMax = 10'000;
constexpr uint64_t kFieldsDefault = 1'000;

struct FieldsRequest {
    uint64_t lines = kLinesDefault;
    uint64_t limit = kFieldsDefault;
};

Result<FieldsRequest> read_limits(const net::HttpRequest& request) {
    FieldsRequest limits;
    SEYIR_TRY(limits.lines, read_count_or(request, "line_limit", kLinesMax, kLinesDefault));
    constexpr uint64_t kMax = FieldDetector::kFieldsMax;
    SEYIR_TRY(limits.limit, read_count_or(request, "field_limit", kMax, kFieldsDefault));
    SEYIR_TRY(limits.limit, read_count_or(request, "limit", kMax, limits.limit));
    return limits;
}

/// Feeds the newest rows that pass the query's stages to the detector, block by block.
Result<void> detect(
    const Context& context,
    const net::HttpExchangePtr& exchange,
    uint64_t lines,
    FieldDetector& detector
) {
    const net::HttpRequest& request = exchange->request();
    SEYIR_TRY(const std::string_view text, read_query(request));
    SEYIR_TRY(const auto expr, logql::parse(text));
    if (!expr.is_log()) {
        return fail(
            ErrorCode::kInvalidArgument, "only log queries have fields, not metric queries"
        );
    }
    SEYIR_TRY(const auto plan, query::LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
    SEYIR_TRY(const TimeRange range, read_range(request, context.clock.wall_now(), 1h));
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(
        const auto cursor,
        context.store.select(plan.select(tenant_of(request), range, store::Direction::kBackward))
    );
    logql::ScratchRow row;
    row.set_detects_level(context.limits.detects_level);
    while (lines > 0) {
        SEYIR_CHECK(running.check_read(cursor->stats()));
        SEYIR_TRY(const auto page, cursor->next());
        if (!page) {
            break;
        }
        std::vector<uint32_t> rows;
        for_each_row({page->batch, page->rows}, [&](uint32_t i) {
            if (range.contains(page->batch->ts(i))) {
                rows.push_back(i);
            }
        });
        std::ranges::sort(rows, [&](uint32_t a, uint32_t b) {
            const UnixNanos left = page->batch->ts(a);
            const UnixNanos right = page->batch->ts(b);
            return left != right ? left > right : a < b;
        });
        for (const uint32_t i : rows) {
            row.bind(*page->batch, i);
            if (plan.pipeline().process(row)) {
                detector.add(row);
                if (--lines == 0) {
                    break;
                }
            }
        }
    }
    return {};
}

void append_list(std::string& out, const auto& texts) {
    out += '[';
    for (const auto& text : texts) {
        out += out.back() == '[' ? "" : ",";
        append_json_quoted(out, text);
    }
    out += ']';
}

Result<void> answer_fields(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(const FieldsRequest limits, read_limits(exchange->request()));
    FieldDetector detector;
    SEYIR_CHECK(detect(context, exchange, limits.lines, detector));
    std::string body = R"({"fields":[)";
    uint64_t left = limits.limit;
    for (const auto& [name, field] : detector.fields()) {
        if (left-- == 0) {
            break;
        }
        body += body.back() == '[' ? "{\"label\":" : ",{\"label\":";
        append_json_quoted(body, name);
        fmt::format_to(
            std::back_inserter(body),
            R"(,"type":"{}","cardinality":{},"parsers":)",
            to_text(field.type),
            field.values.size()
        );
        if (field.parsers.empty()) {
            body += "null";
        } else {
            append_list(body, field.parsers);
        }
        if (!field.json_path.empty()) {
            body += ",\"jsonPath\":";
            append_list(body, field.json_path);
        }
        body += '}';
    }
    fmt::format_to(std::back_inserter(body), "],\"limit\":{}}}\n", limits.limit);
    exchange->respond(net::HttpResponse::json(std::move(body)));
    return {};
}

Result<void> answer_field_values(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(const FieldsRequest limits, read_limits(exchange->request()));
    FieldDetector detector(exchange->request().wildcard);
    SEYIR_CHECK(detect(context, exchange, limits.lines, detector));
    std::vector<std::string_view> values;
    for (const auto& [name, field] : detector.fields()) {
        for (const std::string& value : field.values) {
            if (values.size() < limits.limit) {
                values.push_back(value);
            }
        }
    }
    std::string body = R"({"values":)";
    append_list(body, values);
    fmt::format_to(std::back_inserter(body), ",\"limit\":{}}}\n", limits.limit);
    exchange->respond(net::HttpResponse::json(std::move(body)));
    return {};
}

}  // namespace

void handle_detected_fields(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_fields(context, exchange));
}

void handle_detected_field_values(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_field_values(context, exchange));
}

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// What is asked of streams without their rows: labels, values, series, index/stats.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"
#include "collector/api/result_writer.hpp"
#include "common/base/text.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLabelsSpan = 6h;  // Loki's default for these calls
// index/stats looks at this much and scales up; it is asked on every key stroke in Explore.
constexpr uint64_t kStatsBytesMax = 64 * kMiB;

using Matchers = std::vector<logql::StreamMatcher>;

TenantId tenant_of(const net::HttpRequest& request) {
    return static_cast<TenantId>(request.tenant);
}

/// Streams that fit at least one of the matchers (all without any), ordered by labels.
Result<std::vector<StreamLabelsPtr>> find_streams(
    const Context& context, const net::HttpRequest& request, const Matchers& matchers
) {
    SEYIR_TRY(const TimeRange range, read_range(request, context.clock.wall_now(), kLabelsSpan));
    SEYIR_TRY(auto streams, context.store.streams(tenant_of(request), range));
    std::erase_if(streams, [&](const StreamLabelsPtr& labels) {
        return !matchers.empty() && std::ranges::none_of(matchers, [&](const auto& matcher) {
            return matcher.matches(*labels);
        });
    });
    std::ranges::sort(streams, {}, [](const StreamLabelsPtr& labels) -> const auto& {
        return labels->pairs();
    });
    return streams;
}

Result<logql::StreamMatcher> compile_selector(std::string_view text) {
    SEYIR_TRY(const auto matchers, logql::parse_selector(text));
    return logql::StreamMatcher::compile(matchers);
}

/// The selector of the optional parameter `query`.
Result<Matchers> read_selector(const net::HttpRequest& request) {
    Matchers matchers;
    if (const auto text = request.parameter("query"); text && !text->empty()) {
        SEYIR_TRY(auto matcher, compile_selector(*text));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

void respond_names(net::HttpExchange& exchange, const std::set<std::string_view>& names) {
    std::string body = R"({"status":"success","data":[)";
    for (const std::string_view name : names) {
        body += body.back() == '[' ? "" : ",";
        append_json_quoted(body, name);
    }
    body += "]}\n";
    exchange.respond(net::HttpResponse::json(std::move(body)));
}

Result<void> answer_labels(const Context& context, net::HttpExchange& exchange) {
    SEYIR_TRY(const Matchers matchers, read_selector(exchange.request()));
    SEYIR_TRY(const auto streams, find_streams(context, exchange.request(), matchers));
    std::set<std::string_view> names;
    for (const StreamLabelsPtr& labels : streams) {
        for (const auto& [name, value] : labels->pairs()) {
            if (!name.starts_with("__")) {
                names.insert(name);
            }
        }
    }
    respond_names(exchange, names);
    return {};
}

Result<void> answer_values(const Context& context, net::HttpExchange& exchange) {
    SEYIR_TRY(const Matchers matchers, read_selector(exchange.request()));
    SEYIR_TRY(const auto streams, find_streams(context, exchange.request(), matchers));
    std::set<std::string_view> values;
    for (const StreamLabelsPtr& labels : streams) {
        if (const std::string_view value = labels->get(exchange.request().wildcard);
            !value.empty()) {
            values.insert(value);
        }
    }
    respond_names(exchange, values);
    return {};
}

Result<void> answer_series(const Context& context, const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    Matchers matchers;
    for (const char* name : {"match[]", "match"}) {
        for (const std::string_view text : request.parameters(name)) {
            SEYIR_TRY(auto matcher, compile_selector(text));
            matchers.push_back(std::move(matcher));
        }
    }
    SEYIR_TRY(const auto streams, find_streams(context, request, matchers));
    AnswerStream answer(exchange);
    answer.out() += R"({"status":"success","data":[)";
    for (size_t i = 0; i < streams.size(); ++i) {
        answer.out() += i == 0 ? "" : ",";
        append_labels(answer.out(), streams[i]->pairs());
        if (!answer.offer()) {
            break;
        }
    }
    answer.out() += "]}\n";
    answer.finish();
    return {};
}

Result<void> answer_stats(const Context& context, net::HttpExchange& exchange) {
    const net::HttpRequest& request = exchange.request();
    SEYIR_TRY(const std::string_view text, read_query(request));
    SEYIR_TRY(const auto matcher, compile_selector(text));
    SEYIR_TRY(const TimeRange range, read_range(request, context.clock.wall_now(), 1h));
    store::SelectQuery select{.tenant = tenant_of(request), .range = range};
    select.stream_matches = [&](const StreamLabels& labels) { return matcher.matches(labels); };
    SEYIR_TRY(const auto cursor, context.store.select(std::move(select)));
    std::set<StreamFingerprint> streams;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    while (bytes < kStatsBytesMax && !exchange.cancelled()) {
        SEYIR_TRY(const auto page, cursor->next());
        if (!page) {
            break;
        }
        const RecordBatch& batch = *page->batch;
        std::set<uint16_t> seen;
        for_each_row({page->batch, page->rows}, [&](uint32_t i) {
            ++entries;
            bytes += batch.body(i).size();
            if (seen.insert(batch.stream(i)).second) {
                streams.insert(batch.streams()[batch.stream(i)]->fingerprint());
            }
        });
    }
    const store::CursorStats stats = cursor->stats();
    const uint64_t blocks = stats.blocks_total - std::min(stats.blocks_total, stats.blocks_pruned);
    if (stats.blocks_read > 0 && blocks > stats.blocks_read) {
        const double scale = static_cast<double>(blocks) / static_cast<double>(stats.blocks_read);
        entries = static_cast<uint64_t>(static_cast<double>(entries) * scale);
        bytes = static_cast<uint64_t>(static_cast<double>(bytes) * scale);
    }
    exchange.respond(net::HttpResponse::json(fmt::format(
        R"({{"streams":{},"chunks":{},"bytes":{},"entries":{}}})"
        "\n",
        streams.size(),
        blocks,
        bytes,
        entries
    )));
    return {};
}

void finish(net::HttpExchange& exchange, const Result<void>& done) {
    if (!done) {
        respond_error(exchange, done.error());
    }
}

}  // namespace

void handle_labels(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_labels(context, *exchange));
}

void handle_label_values(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_values(context, *exchange));
}

void handle_series(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_series(context, exchange));
}

void handle_index_stats(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_stats(context, *exchange));
}

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// What is asked of streams without their rows: labels, values, series, detected_labels.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include <fmt/format.h>

#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"
#include "collector/api/result_writer.hpp"
#include "common/base/text.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLabelsSpan = 6h;  // Loki's default for these calls

using Matchers = std::vector<logql::StreamMatcher>;

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

/// Names that say nothing as a choice: every value is a number or a UUID. Those that name places
/// stay whatever they hold.
bool is_id_label(std::string_view name, const std::set<std::string_view>& values) {
    constexpr std::array<std::string_view, 4> kPlaces{"cluster", "namespace", "instance", "pod"};
    if (std::ranges::find(kPlaces, name) != kPlaces.end()) {
        return false;
    }
    const auto is_uuid = [](std::string_view text) {
        constexpr size_t kUuidBytes = 36;
        return text.size() == kUuidBytes && text[8] == '-' && text[13] == '-' &&
               text.find_first_not_of("0123456789abcdefABCDEF-") == std::string_view::npos;
    };
    return std::ranges::all_of(values, [&](std::string_view value) {
        return is_uuid(value) || logql::parse_number(value).has_value();
    });
}

Result<void> answer_detected_labels(const Context& context, net::HttpExchange& exchange) {
    SEYIR_TRY(const Matchers matchers, read_selector(exchange.request()));
    SEYIR_TRY(const auto streams, find_streams(context, exchange.request(), matchers));
    std::map<std::string_view, std::set<std::string_view>> values;
    for (const StreamLabelsPtr& labels : streams) {
        for (const auto& [name, value] : labels->pairs()) {
            if (!name.starts_with("__")) {
                values[name].insert(value);
            }
        }
    }
    std::string body = R"({"detectedLabels":[)";
    for (const auto& [name, known] : values) {
        if (is_id_label(name, known)) {
            continue;
        }
        body += body.back() == '[' ? "" : ",";
        body += "{\"label\":";
        append_json_quoted(body, name);
        fmt::format_to(std::back_inserter(body), ",\"cardinality\":{}}}", known.size());
    }
    body += "]}\n";
    exchange.respond(net::HttpResponse::json(std::move(body)));
    return {};
}

}  // namespace

void handle_detected_labels(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_detected_labels(context, *exchange));
}

void handle_labels(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_labels(context, *exchange));
}

void handle_label_values(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_values(context, *exchange));
}

void handle_series(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_series(context, exchange));
}

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
#include "collector/api/records/export_handler.hpp"

#include <iterator>

#include <fmt/format.h>

#include "collector/api/records/export_page.hpp"
#include "collector/api/request_params.hpp"
#include "common/base/text.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

constexpr size_t kPieceBytes = 256 * kKiB;

/// Lines in pieces; nothing is sent before the first piece is full or flush() is called.
class LineStream {
  public:
    explicit LineStream(net::HttpExchange& exchange) : exchange_(exchange) {}

    bool is_open() const { return is_open_; }

    bool add(std::string_view line) {
        piece_ += line;
        return piece_.size() < kPieceBytes || flush();
    }

    bool flush() {
        if (!is_open_) {
            is_open_ = true;
            exchange_.begin_stream({.content_type = "application/x-ndjson"});
        }
        const bool is_sent = piece_.empty() || exchange_.write(piece_).has_value();
        piece_.clear();
        return is_sent;
    }

  private:
    net::HttpExchange& exchange_;
    std::string piece_;
    bool is_open_ = false;
};

/// No parameter: all times that records can have.
Result<TimeRange> read_export_range(const net::HttpRequest& request) {
    TimeRange range;
    if (const auto start = request.parameter("start"); start && !start->empty()) {
        SEYIR_TRY(range.begin, parse_time(*start));
    }
    if (const auto end = request.parameter("end"); end && !end->empty()) {
        SEYIR_TRY(range.end, parse_time(*end));
    }
    if (range.begin > range.end) {
        return fail(ErrorCode::kInvalidArgument, "`start` lies after `end`");
    }
    return range;
}

Result<ExportRequest> read_request(const net::HttpRequest& request) {
    ExportRequest out{.tenant = tenant_of(request), .range = {}, .stream_matches = {}};
    SEYIR_TRY(out.range, read_export_range(request));
    if (const auto text = request.parameter("match"); text && !text->empty()) {
        SEYIR_TRY(const auto matchers, logql::parse_selector(*text));
        SEYIR_TRY(auto compiled, logql::StreamMatcher::compile(matchers));
        const auto matcher = std::make_shared<logql::StreamMatcher>(std::move(compiled));
        out.stream_matches = [matcher](const StreamLabels& labels) {
            return matcher->matches(labels);
        };
    }
    return out;
}

std::string last_line(const ExportEnd& end, const ExportRequest& request) {
    std::string out = fmt::format("{{\"export\":{{\"records\":{}", end.records);
    if (end.next < request.range.end) {
        out += fmt::format(",\"next\":\"{}\"", to_rfc3339(end.next));
    }
    if (end.cursor.blocks_corrupt > 0) {
        fmt::format_to(
            std::back_inserter(out),
            ",\"unreadable_blocks\":{},\"unreadable_from\":\"{}\",\"unreadable_to\":\"{}\"",
            end.cursor.blocks_corrupt,
            to_rfc3339(end.cursor.corrupt.begin),
            to_rfc3339(end.cursor.corrupt.end)
        );
    }
    return out + "}}\n";
}

Result<void> answer_export(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(const ExportRequest request, read_request(exchange->request()));
    query::QueryContext running = query_context(context, exchange);
    LineStream lines(*exchange);
    const auto end =
        export_page(context.store, request, {}, running, context.clock, [&](std::string_view line) {
            return lines.add(line);
        });
    if (!end && !lines.is_open()) {
        return end.error();
    }
    if (end) {
        lines.add(last_line(*end, request));
    } else {
        std::string failed = R"({"export":{"error":)";
        append_json_quoted(failed, end.error().message);
        lines.add(failed + "}}\n");
    }
    lines.flush();
    exchange->end_stream();
    return {};
}

}  // namespace

void handle_export(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_export(context, exchange));
}

}  // namespace seyir::collector::api

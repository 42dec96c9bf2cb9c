// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <unistd.h>

#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

namespace {

constexpr uint64_t kLimitMax = 1'000'000;
constexpr size_t kPrintBytes = 256 * 1024;

/// A log query begins with its selector; everything else computes numbers.
bool is_log_query(std::string_view query) {
    const size_t first = query.find_first_not_of(" \t\r\n(");
    return first != std::string_view::npos && query[first] == '{';
}

Result<Session::Parameters> range_parameters(const Arguments& arguments) {
    Session::Parameters parameters;
    const UnixNanos now = io::system_clock().wall_now();
    if (arguments.has("start") && arguments.has("since")) {
        return fail(ErrorCode::kInvalidArgument, "--start and --since exclude each other");
    }
    if (arguments.has("start")) {
        SEYIR_TRY(const auto start, parse_time(arguments.get("start"), now));
        parameters.emplace_back("start", std::to_string(start.value));
    } else {
        const auto text = arguments.has("since") ? arguments.get("since") : "1h";
        auto since = parse_duration(text);
        if (!since) {
            return since.error().context("--since " + text);
        }
        // Whole seconds, rounded up: the one form every server of this API reads.
        const auto seconds = (since->count() + 999'999'999) / 1'000'000'000;
        parameters.emplace_back("since", std::to_string(seconds) + "s");
    }
    if (arguments.has("end")) {
        SEYIR_TRY(const auto end, parse_time(arguments.get("end"), now));
        parameters.emplace_back("end", std::to_string(end.value));
    }
    return parameters;
}

class Collector : public AnswerSink {
  public:
    Collector(const PrintStyle& style, Progress& progress) : style_(style), progress_(progress) {}

    bool stream(const LabelList& labels) override {
        rows.begin_stream(labels);
        return true;
    }

    bool row(AnswerRow row) override {
        rows.add(row);
        progress_.update(rows.size(), rows.bytes());
        return true;
    }

    bool sample(const LabelList& metric, std::string_view seconds, std::string_view value)
        override {
        append_sample(text, metric, seconds, value, style_);
        ++samples;
        return true;
    }

    RowBuffer rows;
    std::string text;
    uint64_t samples = 0;

  private:
    const PrintStyle& style_;
    Progress& progress_;
};

Result<void> print_rows(RowBuffer& rows, const PrintStyle& style, bool newest_first) {
    std::string text;
    Result<void> printed;
    rows.for_each(newest_first, [&](const RowView& row) {
        append_row(text, row, style);
        if (text.size() >= kPrintBytes) {
            printed = print(text);
            text.clear();
        }
        return printed.has_value();
    });
    SEYIR_CHECK(printed);
    return print(text);
}

void say_if_nothing_came(const Collector& answer, uint64_t limit) {
    if (!is_terminal(STDERR_FILENO)) {
        return;
    }
    if (answer.rows.size() == 0 && answer.samples == 0) {
        fputs(
            "seyir: nothing found (look further back with --since, or see `seyir labels`)\n", stderr
        );
    } else if (answer.rows.size() == limit) {
        const auto text = "seyir: stopped at " + grouped(limit) + " rows: --limit gives more\n";
        fputs(text.c_str(), stderr);
    }
}

struct Request {
    std::string path;
    Session::Parameters parameters;
    uint64_t limit = 100;
};

/// Everything that can be wrong with the command line is found here.
Result<Request> make_request(const Arguments& arguments) {
    Request request;
    const auto& query = arguments.values[0];
    if (arguments.has("limit")) {
        SEYIR_TRY(request.limit, parse_count("limit", arguments.get("limit"), kLimitMax));
    }
    const auto direction = arguments.has("direction") ? arguments.get("direction") : "backward";
    if (direction != "forward" && direction != "backward") {
        return fail(
            ErrorCode::kInvalidArgument, "--direction " + direction + ": write forward or backward"
        );
    }
    SEYIR_TRY(request.parameters, range_parameters(arguments));
    SEYIR_CHECK(print_style(arguments));
    request.parameters.emplace_back("query", query);
    if (arguments.has("explain")) {
        request.parameters.emplace_back("explain", "true");
    }
    const bool is_range = is_log_query(query) || arguments.has("step");
    request.path = is_range ? "/loki/api/v1/query_range" : "/loki/api/v1/query";
    if (is_log_query(query)) {
        request.parameters.emplace_back("limit", std::to_string(request.limit));
        request.parameters.emplace_back("direction", direction);
        request.parameters.emplace_back("line_encoding", "base64");
    } else if (arguments.has("step")) {
        request.parameters.emplace_back("step", arguments.get("step"));
    }
    return request;
}

Result<void> run_query(const Arguments& arguments, const Request& request) {
    SEYIR_TRY(auto session, Session::open(arguments));
    Progress progress(is_terminal(STDERR_FILENO) && !arguments.has("no-progress"), request.limit);
    Collector answer(session.style(), progress);
    SEYIR_CHECK(session.start(request.path, request.parameters));
    AnswerReader reader(answer);
    SEYIR_CHECK(reader.read([&] { return session.client().read(); }));
    progress.finish();
    SEYIR_CHECK(print(answer.text));
    SEYIR_CHECK(print_rows(answer.rows, session.style(), arguments.has("newest-first")));
    say_if_nothing_came(answer, request.limit);
    // Not among the lines, which may be going into a file.
    fputs(reader.explanation().c_str(), stderr);
    return {};
}

}  // namespace

int query_command(const Arguments& arguments) {
    const auto request = make_request(arguments);
    if (!request) {
        report(request.error());
        return kExitUsage;
    }
    const auto done = run_query(arguments, *request);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

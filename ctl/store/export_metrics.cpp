// SPDX-License-Identifier: Apache-2.0
// seyir export metrics: samples of host metrics, for other programs.
#include <algorithm>
#include <array>
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "common/io/clock.hpp"
#include "ctl/print/terminal.hpp"
#include "ctl/records/records_command.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr std::array<std::string_view, 2> kOfMetrics{"match", "format"};
constexpr std::array<std::string_view, 2> kOfRecords{"out", "resume"};

/// Samples in whole lines of an answer, which comes in pieces.
class SampleCount {
  public:
    explicit SampleCount(bool is_json) : is_json_(is_json) {}

    void add(std::string_view piece) {
        for (const char c : piece) {
            if (is_line_begin_) {
                is_comment_ = c == '#';
                is_line_begin_ = false;
            }
            if (c == '\n') {
                samples_ += is_comment_ ? 0 : 1;
                is_line_begin_ = true;
                in_times_ = false;
            } else if (is_json_ && !in_times_) {
                matched_ = c == kTimes[matched_] ? matched_ + 1 : (c == kTimes[0] ? 1 : 0);
                in_times_ = matched_ == kTimes.size();
                matched_ = in_times_ ? 0 : matched_;
            } else if (is_json_ && c == ',') {
                ++samples_;
            }
        }
    }

    uint64_t samples() const { return samples_; }

  private:
    static constexpr std::string_view kTimes = R"("timestamps":[)";

    const bool is_json_;
    bool is_line_begin_ = true;
    bool is_comment_ = false;
    bool in_times_ = false;
    size_t matched_ = 0;
    uint64_t samples_ = 0;
};

uint64_t number_of(std::string_view digits) {
    uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            return 0;
        }
        value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    return value;
}

Result<void> export_metrics(Session& session, const Arguments& arguments) {
    const UnixNanos now = io::system_clock().wall_now();
    const std::string from = arguments.has("from") ? arguments.get("from") : "1h";
    const std::string to = arguments.has("to") ? arguments.get("to") : "now";
    SEYIR_TRY(const UnixNanos begin, parse_time(from, now));
    SEYIR_TRY(const UnixNanos end, parse_time(to, now));
    const std::string format = arguments.has("format") ? arguments.get("format") : "openmetrics";
    SEYIR_TRY(
        const net::HttpAnswerHead head,
        session.start(
            "/api/v1/export/metrics",
            {{"start", std::to_string(begin.value)},
             {"end", std::to_string(end.value)},
             {"match[]", arguments.get("match")},
             {"format", format}}
        )
    );
    Progress progress(
        is_terminal(STDERR_FILENO) && !is_terminal(STDOUT_FILENO),
        number_of(head.header("X-Seyir-Samples").value_or("0"))
    );
    SampleCount count(format == "jsonl");
    uint64_t bytes = 0;
    while (true) {
        SEYIR_TRY(const std::string_view piece, session.client().read());
        if (piece.empty()) {
            break;
        }
        SEYIR_CHECK(print(piece));
        count.add(piece);
        bytes += piece.size();
        progress.update(count.samples(), bytes);
    }
    progress.finish();
    return {};
}

}  // namespace

int export_command(const Arguments& arguments) {
    const bool is_metrics = !arguments.values.empty() && arguments.values[0] == "metrics";
    const auto others = is_metrics ? kOfRecords : kOfMetrics;
    for (const std::string_view option : others) {
        if (arguments.has(option)) {
            const std::string text = "--" + std::string(option) + " is not for an export of ";
            report(fail(ErrorCode::kInvalidArgument, text + (is_metrics ? "metrics" : "records")));
            return kExitUsage;
        }
    }
    if (!is_metrics) {
        return export_records_command(arguments);
    }
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    const auto done = export_metrics(*session, arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

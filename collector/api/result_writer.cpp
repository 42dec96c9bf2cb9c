// SPDX-License-Identifier: Apache-2.0
#include "collector/api/result_writer.hpp"

#include <iterator>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::collector::api {
namespace {

/// Seconds with up to three decimals, as Prometheus writes times.
void append_seconds(std::string& out, int64_t ns) {
    int64_t ms = ns / 1'000'000;
    if (ms < 0) {
        out += '-';
        ms = -ms;
    }
    fmt::format_to(std::back_inserter(out), "{}", ms / 1000);
    if (const int64_t rest = ms % 1000; rest != 0) {
        std::string digits = fmt::format("{:03}", rest);
        digits.erase(digits.find_last_not_of('0') + 1);
        out += '.';
        out += digits;
    }
}

void append_sample(std::string& out, int64_t ns, double value) {
    out += '[';
    append_seconds(out, ns);
    out += ",\"";
    out += logql::format_sample(value);
    out += "\"]";
}

void append_warnings(std::string& out, const store::CursorStats& cursor) {
    if (cursor.blocks_corrupt == 0) {
        return;
    }
    out += R"(,"warnings":[)";
    const uint64_t unreadable = cursor.blocks_corrupt - cursor.logs_lost;
    if (unreadable > 0) {
        fmt::format_to(
            std::back_inserter(out),
            R"("partial answer: {} blocks with records from {} to {} could not be read, see the collector's log")",
            unreadable,
            to_rfc3339(cursor.corrupt.begin),
            to_rfc3339(cursor.corrupt.end)
        );
    }
    if (cursor.logs_lost > 0) {
        const TimeRange& came = cursor.lost_arrivals;
        const bool has_begin = came.begin > UnixNanos::min();
        const bool has_end = came.end < UnixNanos::max();
        fmt::format_to(
            std::back_inserter(out),
            R"({}"partial answer: records that arrived{}{}{}{} may be missing, whatever their time, see the collector's log")",
            unreadable > 0 ? "," : "",
            has_begin ? " from " : "",
            has_begin ? to_rfc3339(came.begin) : "",
            has_end ? " until " : "",
            has_end ? to_rfc3339(came.end) : ""
        );
    }
    out += ']';
}

void append_tail(
    std::string& out, const query::QueryStats& stats, size_t entries, const std::string& explanation
) {
    const double seconds = static_cast<double>(stats.elapsed.count()) / 1e9;
    const auto per_second = [&](uint64_t n) {
        return seconds > 0 ? static_cast<uint64_t>(static_cast<double>(n) / seconds) : 0;
    };
    const store::CursorStats& cursor = stats.cursor;
    fmt::format_to(
        std::back_inserter(out),
        R"("stats":{{"summary":{{"bytesProcessedPerSecond":{},"linesProcessedPerSecond":{},)"
        R"("totalBytesProcessed":{},"totalLinesProcessed":{},"execTime":{:.6f},"queueTime":0,)"
        R"("subqueries":0,"totalEntriesReturned":{},"splits":0,"shards":0}},)"
        R"("store":{{"blocksTotal":{},"blocksPruned":{},"blocksRead":{},"blocksCorrupt":{},)"
        R"("blocksOutOfTime":{},"blocksPrunedByStream":{},"blocksPrunedByFilter":{},)"
        R"("filtersDamaged":{}}})",
        per_second(cursor.raw_bytes_read),
        per_second(cursor.rows_read),
        cursor.raw_bytes_read,
        cursor.rows_read,
        seconds,
        entries,
        cursor.blocks_total,
        cursor.blocks_pruned,
        cursor.blocks_read,
        cursor.blocks_corrupt,
        cursor.blocks_out_of_time,
        cursor.blocks_pruned_by_stream,
        cursor.blocks_pruned_by_filter,
        cursor.filters_damaged
    );
    if (!explanation.empty()) {
        out += ",\"explain\":";
        append_json_quoted(out, explanation + query::explain(stats));
    }
    out += "}}";
    append_warnings(out, cursor);
    out += "}\n";
}

/// A number at every step, as the one series it is.
query::Matrix matrix_of(const query::Scalar& number, const query::Grid& grid) {
    query::Matrix matrix;
    matrix.series.push_back({{}, std::vector<double>(grid.points, number.value)});
    return matrix;
}

}  // namespace

void append_entry(
    std::string& out,
    UnixNanos ts,
    std::string_view line,
    std::string_view labels_json,
    const StreamsFormat& format
) {
    fmt::format_to(std::back_inserter(out), "[\"{}\",", ts.value);
    if (format.base64_lines) {
        out += '"';
        append_base64(out, line);
        out += '"';
    } else {
        append_json_quoted(out, line);
    }
    if (format.categorize) {
        out += ',';
        out += labels_json.empty() ? "{}" : labels_json;
    }
    out += ']';
}

void append_labels(std::string& out, const query::LabelSet& labels) {
    out += '{';
    for (const auto& [name, value] : labels) {
        out += out.back() == '{' ? "" : ",";
        append_json_quoted(out, name);
        out += ':';
        append_json_quoted(out, value);
    }
    out += '}';
}

void write_streams(
    AnswerStream& answer,
    const query::LogResult& result,
    const StreamsFormat& format,
    const query::QueryStats& stats,
    const std::string& explanation
) {
    std::string& out = answer.out();
    out += R"({"status":"success","data":{"resultType":"streams",)";
    out += format.categorize ? R"("encodingFlags":["categorize-labels"],)" : "";
    out += format.base64_lines ? R"("lineEncoding":"base64",)" : "";
    out += "\"result\":[";
    size_t entries = 0;
    bool first = true;
    for (const query::LogStream& stream : result.streams) {
        out += first ? "" : ",";
        first = false;
        out += "{\"stream\":";
        append_labels(out, stream.labels);
        out += ",\"values\":[";
        for (size_t i = 0; i < stream.rows.size(); ++i) {
            out += i == 0 ? "" : ",";
            const query::LogRow& row = stream.rows[i];
            append_entry(out, row.ts(), row.line(), row.labels_json(), format);
            if (!answer.offer()) {
                answer.finish();
                return;
            }
        }
        out += "]}";
        entries += stream.rows.size();
    }
    out += "],";
    append_tail(out, stats, entries, explanation);
    answer.finish();
}

void write_vector(
    AnswerStream& answer,
    const query::MetricResult& result,
    const query::Grid& grid,
    const query::QueryStats& stats,
    const std::string& explanation
) {
    std::string& out = answer.out();
    if (const auto* number = std::get_if<query::Scalar>(&result)) {
        out += R"({"status":"success","data":{"resultType":"scalar","result":)";
        append_sample(out, grid.start_ns, number->value);
        out += ',';
        append_tail(out, stats, 1, explanation);
        answer.finish();
        return;
    }
    out += R"({"status":"success","data":{"resultType":"vector","result":[)";
    size_t entries = 0;
    for (const query::Series& series : std::get<query::Matrix>(result).series) {
        if (query::is_absent(series.values.front())) {
            continue;
        }
        out += entries++ == 0 ? "" : ",";
        out += "{\"metric\":";
        append_labels(out, series.labels);
        out += ",\"value\":";
        append_sample(out, grid.start_ns, series.values.front());
        out += '}';
        if (!answer.offer()) {
            break;
        }
    }
    out += "],";
    append_tail(out, stats, entries, explanation);
    answer.finish();
}

void write_matrix(
    AnswerStream& answer,
    const query::MetricResult& result,
    const query::Grid& grid,
    const query::QueryStats& stats,
    const std::string& explanation
) {
    const auto* number = std::get_if<query::Scalar>(&result);
    const query::Matrix from_number = number ? matrix_of(*number, grid) : query::Matrix();
    const query::Matrix& matrix = number ? from_number : std::get<query::Matrix>(result);
    std::string& out = answer.out();
    out += R"({"status":"success","data":{"resultType":"matrix","result":[)";
    bool first = true;
    for (const query::Series& series : matrix.series) {
        out += first ? "" : ",";
        first = false;
        out += "{\"metric\":";
        append_labels(out, series.labels);
        out += ",\"values\":[";
        bool first_sample = true;
        for (size_t k = 0; k < series.values.size(); ++k) {
            if (query::is_absent(series.values[k])) {
                continue;
            }
            out += first_sample ? "" : ",";
            first_sample = false;
            append_sample(out, grid.at(k), series.values[k]);
        }
        out += "]}";
        if (!answer.offer()) {
            break;
        }
    }
    out += "],";
    append_tail(out, stats, matrix.series.size(), explanation);
    answer.finish();
}

}  // namespace seyir::collector::api

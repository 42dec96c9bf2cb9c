// SPDX-License-Identifier: Apache-2.0
// Query results in Loki's JSON shapes: streams, vector, matrix, scalar.
// Threads: pure functions of their arguments.
// Spec: Grafana Loki's HTTP API ("resultType" stands before "result": Grafana reads it that way).
#pragma once

#include <string>

#include "collector/api/answer_stream.hpp"
#include "collector/query/engine.hpp"
#include "collector/query/limits.hpp"
#include "collector/query/log_exec.hpp"

namespace seyir::collector::api {

struct StreamsFormat {
    bool categorize = false;    ///< 3-tuples, "encodingFlags"
    bool base64_lines = false;  ///< exact bytes, "lineEncoding":"base64"
};

/// `["<ns>","line"]`, with a third part when categorized.
void append_entry(
    std::string& out,
    UnixNanos ts,
    std::string_view line,
    std::string_view labels_json,
    const StreamsFormat& format
);

void write_streams(
    AnswerStream& answer,
    const query::LogResult& result,
    const StreamsFormat& format,
    const query::QueryStats& stats,
    const std::string& explanation
);

/// An instant answer; a number becomes "scalar".
void write_vector(
    AnswerStream& answer,
    const query::MetricResult& result,
    const query::Grid& grid,
    const query::QueryStats& stats,
    const std::string& explanation
);

void write_matrix(
    AnswerStream& answer,
    const query::MetricResult& result,
    const query::Grid& grid,
    const query::QueryStats& stats,
    const std::string& explanation
);

/// `{"a":"1","b":"2"}`
void append_labels(std::string& out, const query::LabelSet& labels);

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// Parameters of Loki's HTTP API: times, ranges, steps, limits, directions.
// Threads: pure functions.   Errors: kInvalidArgument naming the parameter and what it takes.
// Spec: Grafana Loki's HTTP API; times are integers (ns, or seconds of up to 10 digits), floats
// (seconds) or RFC 3339.
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/api/result_writer.hpp"
#include "collector/query/limits.hpp"
#include "collector/query/series.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

Result<UnixNanos> parse_time(std::string_view text);

/// start, end and since; the end is `now` and the length `default_span` when left out.
Result<TimeRange> read_range(const net::HttpRequest& request, UnixNanos now, Nanos default_span);

/// `step` as duration or seconds; else 1/250 of the range, at least a second. Both ends included.
Result<query::Grid> read_grid(
    const net::HttpRequest& request, TimeRange range, const query::QueryLimits& limits
);

/// As read_grid, of steps that stand for the time from them to the next: the end begins none.
Result<query::Grid> read_volume_grid(
    const net::HttpRequest& request, TimeRange range, const query::QueryLimits& limits
);

/// A whole number from 1 to `max`.
Result<uint64_t> read_count(std::string_view name, std::string_view text, uint64_t max);

Result<uint32_t> read_limit(const net::HttpRequest& request, const query::QueryLimits& limits);

/// `interval` as duration or seconds; 0 where it is missing: rows of any distance.
Result<Nanos> read_interval(const net::HttpRequest& request);

/// X-Loki-Response-Encoding-Flags and `line_encoding`.
Result<StreamsFormat> read_streams_format(const net::HttpRequest& request);

Result<store::Direction> read_direction(const net::HttpRequest& request);

/// The parameter as read_count; `fallback` where it is missing or empty.
Result<uint64_t> read_count_or(
    const net::HttpRequest& request, std::string_view name, uint64_t max, uint64_t fallback
);

/// The text of `query`; an error when it is missing.
Result<std::string_view> read_query(const net::HttpRequest& request);

/// Loki's status for an error of the query engine.
int http_status(ErrorCode code);

}  // namespace seyir::collector::api

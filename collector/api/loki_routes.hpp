// SPDX-License-Identifier: Apache-2.0
// The reading half of Loki's HTTP API: what Grafana's data source, Explore and Logs Drilldown call.
// (Push is an input: collector/input/loki; /ready belongs to the program.)
// Room: HttpRequest -> query engine -> JSON.
// Threads: handlers run on the server's query pool and may block.
// Ownership: store and clock outlive the routes.
// Errors: as JSON {"status":"error","error_code":..,"message":..}: 400 with the place in the query,
// 499 client gone, 504 deadline, 500 otherwise.
// Spec: Grafana Loki's HTTP API, what Grafana's data source calls.
#pragma once

#include <vector>

#include "collector/api/admission.hpp"
#include "collector/query/limits.hpp"
#include "collector/store/log_store.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

struct ApiOptions {
    query::QueryLimits limits = {.detects_level = true};
    Nanos retention{0};  ///< how long records are kept, told to who asks; 0 = for ever
    AdmissionLimits admission;
    metrics::Registry* registry = nullptr;
};

std::vector<net::HttpRoute> loki_routes(
    store::LogStore& store, const ApiOptions& options, io::Clock& clock
);

}  // namespace seyir::collector::api

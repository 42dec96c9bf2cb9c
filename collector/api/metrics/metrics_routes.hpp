// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/export/metrics?start&end&match[]&format: samples of host metrics.
// Threads: handlers run on the lane for queries.   Errors: 400 for a parameter that cannot be read.
// Limits: two exports at once; a third gets 429.   Ownership: the view's store outlives the routes.
#pragma once

#include <functional>
#include <vector>

#include "collector/store/metric/metric_view.hpp"
#include "common/io/clock.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

/// Tells how many samples the answer has, so that a client can show how far it is.
inline constexpr const char* kSamplesHeader = "X-Seyir-Samples";

using OpenMetricView = std::function<Result<store::MetricView>(TenantId)>;

std::vector<net::HttpRoute> metrics_routes(OpenMetricView open, io::Clock& clock);

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// What both programs say of themselves over HTTP: /health, /ready, /metrics.
// Threads: handlers are thread-safe.   Ownership: engine and registry outlive the server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/engine.hpp"

namespace seyir::service {

/// Extra members for /health, `"name":value,...` without braces; "" for none.
using ExtraHealth = std::function<std::string()>;

/// GET /health: 200 while the process works, with `"status":"ok"` or `"degraded"` and each
/// component's state (liveness). GET /ready and /loki's /ready: 200 `ready` or 503 naming what is
/// not (readiness). GET /metrics: Prometheus text 0.0.4.
std::vector<net::HttpRoute> self_routes(
    const pipeline::Engine& engine, metrics::Registry& registry, ExtraHealth extra
);

/// `[{"id":..,"kind":..,"ok":..,"message":..},..]`
std::string components_json(const std::vector<pipeline::ComponentStatus>& components);

}  // namespace seyir::service

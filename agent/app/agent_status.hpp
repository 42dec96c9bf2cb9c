// SPDX-License-Identifier: Apache-2.0
// What the agent says of itself beside health: how far each input is behind, where each output
// stands. Room: RunningGraph -> JSON of /health and GET /api/v1/status.   Threads: thread-safe.
#pragma once

#include <string>

#include "common/component/build_graph.hpp"
#include "common/net/http.hpp"
#include "common/service/pipeline_host.hpp"

namespace seyir::agent {

/// `[{"id":..,"type":..,"lag_bytes":..,"lag_seconds":..,"in_flight_bytes":..,..},..]`; lag_bytes is
/// left out where the source does not tell. What an input took and a spool still holds is no lag of
/// its own: `"spools":[{"output":..,"rows":..,"bytes":..,"oldest_seconds":..}]`.
std::string inputs_json(const component::RunningGraph& graph);

/// `[{"id":..,"type":..,"endpoint":..,"spool":{..},..},..]`
std::string outputs_json(const component::RunningGraph& graph);

/// GET /api/v1/status, for scope read: version, components, inputs, outputs. `host` outlives it.
net::HttpRoute status_route(service::PipelineHost& host);

}  // namespace seyir::agent

// SPDX-License-Identifier: Apache-2.0
// What an agent says of its inputs and outputs, and what was dropped, as tables for people.
// Room: GET /api/v1/status of an agent, samples of its /metrics -> text.   Threads: pure.
#pragma once

#include <span>
#include <string>

#include "common/json/reader.hpp"
#include "ctl/pipeline/metric_text.hpp"

namespace seyir::ctl {

/// Outputs with endpoint, connection, credit, last acknowledgement and spool; inputs with lag;
/// then every counter of dropped, lost, left out or corrupt data that is not 0.
std::string agent_text(const json::View& status, std::span<const MetricSample> metrics, bool color);

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
// The record that tells people of a notice. Its body is the summary; attributes:
//   alert.name, alert.state (firing, resolved, rule_failing), alert.severity, alert.count,
//   alert.threshold, alert.window, alert.since, alert.labels.NAME, alert.first_line,
//   alert.last_line, alert.problem (of rule_failing)
// In templates, dots of names are `_`: {{.alert_name}}.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "common/alert/engine.hpp"
#include "common/record/batch.hpp"

namespace seyir::alert {

/// One batch with a record for each notice; nothing is shared with the records counted.
RecordBatchPtr make_events(
    const Rule& rule, const std::vector<Notice>& notices, const std::string& host_name
);

}  // namespace seyir::alert

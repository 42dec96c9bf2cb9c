// SPDX-License-Identifier: Apache-2.0
// Reads Prometheus text (exposition format 0.0.4) as far as `seyir top` needs it: names, labels,
// values. Lines that are not samples are skipped; a program's own /metrics has none that are wrong.
// Threads: pure.   Limits: what the client lets through.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace seyir::ctl {

struct MetricSample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
};

std::vector<MetricSample> read_metrics(std::string_view text);

}  // namespace seyir::ctl

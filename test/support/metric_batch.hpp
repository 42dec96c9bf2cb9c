// SPDX-License-Identifier: Apache-2.0
// Batches of metric samples as an agent's spool sends them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/samples/metric_samples.hpp"

namespace seyir::test {

struct MetricFrame {
    std::string host = "web1";
    UnixNanos ts;
    std::vector<std::pair<std::string, double>> gauges = {{"node_load1", 0.5}};
    uint64_t begin = 0;
    uint64_t end = 100;
    AgentId agent{7, 7};
    std::string body;  ///< instead of gauges

    std::shared_ptr<RecordBatch> build() const {
        samples::SampleWriter writer({{"host", host}});
        for (const auto& [name, value] : gauges) {
            writer.family(name, samples::MetricType::kGauge);
            writer.sample({}, value);
        }
        const std::string made = body.empty() ? std::string(writer.finish(ts)) : body;
        auto batch = std::make_shared<RecordBatch>();
        const auto stream = batch->add_stream(*StreamLabels::make({{samples::kStreamLabel, "1"}}));
        uint16_t origin = kNoOrigin;
        if (end > begin) {
            origin = batch->add_position({.key = {{1, 2}, 0}, .begin = begin, .end = end});
        }
        batch->append_row(
            {.ts = ts, .stream = stream, .origin = origin, .body = batch->arena().copy(made)}
        );
        batch->set_provenance({.agent = agent, .epoch = 0, .push_hash = {}});
        return batch;
    }
};

}  // namespace seyir::test

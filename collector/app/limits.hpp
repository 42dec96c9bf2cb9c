// SPDX-License-Identifier: Apache-2.0
// The section `limits` of the collector: how much memory it plans with, and how many queries run.
// What is sized from `memory`: the store's write buffers, the rows a seal holds, open segments, and
// what the queries that run at the same time may hold.
// Threads: pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/component/types.hpp"

namespace seyir::store {
struct RocksStoreOptions;
}

namespace seyir::collector::api {
struct ApiOptions;
}

namespace seyir::collector {

struct CollectorConfig;

struct LimitsConfig {
    uint64_t memory_bytes = kGiB;
    uint32_t queries_running = 3;
    uint32_t queries_waiting = 128;
    Nanos query_wait = std::chrono::seconds(60);
    Nanos query_deadline = std::chrono::minutes(5);
};

config::Field limits_field();
LimitsConfig read_limits(const config::ObjectReader& root);

void apply_limits(const LimitsConfig& limits, store::RocksStoreOptions& store);
/// With what the store's own keys say: no more is staged than memory allows, and enough to seal.
void apply_stage_limits(const CollectorConfig& config, store::RocksStoreOptions& store);
void apply_limits(const LimitsConfig& limits, api::ApiOptions& api);

}  // namespace seyir::collector

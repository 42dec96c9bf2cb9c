// SPDX-License-Identifier: Apache-2.0
#include "collector/app/limits.hpp"

#include <algorithm>
#include <utility>

#include "collector/api/loki_routes.hpp"
#include "collector/app/collector_config.hpp"
#include "collector/store/rocks_store.hpp"

namespace seyir::collector {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kSecond = 1'000'000'000;
/// One thread of the query lane stays free for cheap calls.
constexpr int64_t kQueriesRunningMax = 3;
/// From here on the built-in sizes fit.
constexpr uint64_t kRoomy = kGiB;

/// That share of what a roomy collector has, in whole MiB.
uint64_t scaled(uint64_t bytes, uint64_t memory_bytes, uint64_t least) {
    const uint64_t mib = std::min(memory_bytes, kRoomy) / kMiB;
    return std::max(bytes / (kRoomy / kMiB) * mib / kMiB * kMiB, least);
}

}  // namespace

config::Field limits_field() {
    Schema queries("queries", "Queries at the same time.");
    queries
        .with(field("running", Type::kInt)
                  .between(1, kQueriesRunningMax)
                  .describe("So many run at once; each may use a core.")
                  .or_else("3")
                  .elsewhere("Loki", {"max_concurrent"}))
        .with(field("waiting", Type::kInt)
                  .between(0, 10'000)
                  .describe("So many more wait for their turn; further ones are refused (429).")
                  .or_else("128")
                  .elsewhere("Loki", {"max_outstanding_per_tenant"}))
        .with(field("wait", Type::kDuration)
                  .between(kSecond, 3600 * kSecond)
                  .describe("How long one waits before it is refused (429).")
                  .or_else("60s"))
        .with(field("deadline", Type::kDuration)
                  .between(kSecond, 86'400 * kSecond)
                  .describe("How long one may run.")
                  .or_else("5m")
                  .elsewhere("Loki", {"query_timeout"}));
    Schema limits("limits", "What the collector may take of this host.");
    limits
        .with(
            field("memory", Type::kBytes)
                .between(256 * kMiB, 1024 * kGiB)
                .describe("Memory to plan with: below 1GiB write buffers, what waits to be sealed, "
                          "what sealing holds and what queries may hold shrink with it.")
                .or_else("1GiB")
        )
        .with(config::object("queries", std::move(queries)));
    return config::object("limits", std::move(limits));
}

LimitsConfig read_limits(const config::ObjectReader& root) {
    const config::ObjectReader limits = root.nested("limits");
    const config::ObjectReader queries = limits.nested("queries");
    return {
        .memory_bytes = limits.bytes("memory"),
        .queries_running = static_cast<uint32_t>(queries.integer("running")),
        .queries_waiting = static_cast<uint32_t>(queries.integer("waiting")),
        .query_wait = queries.duration("wait"),
        .query_deadline = queries.duration("deadline"),
    };
}

void apply_limits(const LimitsConfig& limits, store::RocksStoreOptions& store) {
    const uint64_t memory = limits.memory_bytes;
    store.memtable_bytes = scaled(store.memtable_bytes, memory, 8 * kMiB);
    store.wal_bytes_max = scaled(store.wal_bytes_max, memory, 32 * kMiB);
    store.seal_bytes = scaled(store.seal_bytes, memory, 8 * kMiB);
    // Queries read what is staged as a whole, and its index is in memory.
    store.stage_budget_bytes = scaled(store.stage_budget_bytes, memory, 128 * kMiB);
    store.seal_slice_raw_bytes = scaled(store.seal_slice_raw_bytes, memory, 8 * kMiB);
    store.seal_job_raw_bytes = scaled(store.seal_job_raw_bytes, memory, 64 * kMiB);
    store.group_bytes_max = scaled(store.group_bytes_max, memory, 2 * kMiB);
    if (memory < kRoomy) {
        store.open_segments_max = 16;
    }
}

void apply_stage_limits(const CollectorConfig& config, store::RocksStoreOptions& store) {
    store.stage_budget_bytes = config.store.stage_bytes_max;
    apply_limits(config.limits, store);
    store.stage_budget_bytes = std::max(store.stage_budget_bytes, store.seal_bytes);
}

void apply_limits(const LimitsConfig& limits, api::ApiOptions& api) {
    api.admission.running_max = limits.queries_running;
    api.admission.waiting_max = limits.queries_waiting;
    api.admission.waiting_time_max = limits.query_wait;
    api.limits.deadline = limits.query_deadline;
    if (limits.memory_bytes >= kRoomy) {
        return;
    }
    // A quarter of the memory for results, shared by the queries that run at once.
    const uint64_t each = limits.memory_bytes / 4 / limits.queries_running;
    constexpr uint64_t kSampleBytes = 16;
    api.limits.result_bytes_max = std::min(api.limits.result_bytes_max, each);
    api.limits.samples_max = std::min<size_t>(api.limits.samples_max, each / kSampleBytes);
}

}  // namespace seyir::collector

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/store_schema.hpp"

#include <fmt/format.h>

namespace seyir::store {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kDay = 86'400'000'000'000;

}  // namespace

const config::Schema& store_schema() {
    static const Schema schema = [] {
        Schema min_free("min_free", "Free space that the store leaves on its disk.");
        min_free
            .with(field("soft", Type::kBytes)
                      .between(0, 1024 * kGiB)
                      .describe(
                          "Below it: a warning, and clients are slowed down, to 16 MiB a second "
                          "together and ever less towards `hard`: pushes get 429 with a "
                          "pause, agents less credit."
                      )
                      .or_else_described("5 % of the disk, at least 2 GiB, at most half of it")
                      .show("20GiB"))
            .with(field("hard", Type::kBytes)
                      .between(16 * kMiB, 1024 * kGiB)
                      .describe(
                          "Below it: nothing is taken until there is room; pushes get 507 with a "
                          "pause, agents wait and keep their logs."
                      )
                      .or_else_described("2 % of the disk, at least 512 MiB, at most a fifth of it")
                      .show("5GiB"));
        Schema store("store", "Keeps records in `data_dir`, where queries find them.");
        store.example_id("store")
            .elsewhere("other programs", {"storage", "disk", "database", "loki"})
            .with(field("retention", Type::kDuration)
                      .between(kDay, 36'500 * kDay)
                      .describe("Days older than this are dropped whole.")
                      .or_else("90d")
                      .elsewhere("Loki", {"retention_period"})
                      .elsewhere("VictoriaLogs", {"retentionPeriod"}))
            .with(field("metrics_retention", Type::kDuration)
                      .between(kDay, 36'500 * kDay)
                      .describe("Days of host metrics older than this are dropped.")
                      .or_else("30d")
                      .elsewhere("Prometheus", {"storage.tsdb.retention.time"}))
            .with(field("stage_bytes_max", Type::kBytes)
                      .between(64 * kMiB, 64 * kGiB)
                      .describe("Records not yet sealed into compressed segments; beyond this, "
                                "clients wait for it.")
                      .or_else("512MiB"))
            .with(config::object("min_free", std::move(min_free)));
        return store;
    }();
    return schema;
}

StoreOptions read_store(const config::ObjectReader& r) {
    StoreOptions options;
    options.retention = r.duration("retention");
    options.metrics_retention = r.duration("metrics_retention");
    options.stage_bytes_max = r.bytes("stage_bytes_max");
    const config::ObjectReader min_free = r.nested("min_free");
    if (min_free.has("soft")) {
        options.min_free_soft_bytes = min_free.bytes("soft");
    }
    if (min_free.has("hard")) {
        options.min_free_hard_bytes = min_free.bytes("hard");
    }
    return options;
}

void check_store(const config::ObjectReader& r, config::Diagnostics& diagnostics) {
    const StoreOptions options = read_store(r);
    const auto soft = options.min_free_soft_bytes;
    const auto hard = options.min_free_hard_bytes;
    if (!soft || !hard || *hard <= *soft) {
        return;
    }
    const config::ObjectReader min_free = r.nested("min_free");
    diagnostics.add(
        {.code = config::kOrder,
         .at = min_free.span("hard"),
         .message = fmt::format(
             "`min_free.hard` ({}) is more than `min_free.soft` ({})",
             format_bytes(*hard),
             format_bytes(*soft)
         ),
         .hint = "the soft mark is reached first: make it the larger one"}
    );
}

}  // namespace seyir::store

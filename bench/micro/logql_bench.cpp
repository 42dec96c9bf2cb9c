// SPDX-License-Identifier: Apache-2.0
// LogQL stages and query execution over rows in memory. One item = one record; bytes = raw line
// bytes with terminator. Lines: JSON access records as tools/gen_logs.py shapes them, made here.
#include <random>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "test/support/memory_log_store.hpp"

using namespace seyir;

namespace {

constexpr size_t kRows = 100'000;
constexpr size_t kRowsPerCommit = 4'000;

/// 100,000 JSON lines of about 250 bytes in commits as the wire brings them.
store::MemoryLogStore& filled_store() {
    static store::MemoryLogStore store;
    static const bool filled = [] {
        std::mt19937 random(1);
        const char* methods[] = {"GET", "POST", "PUT"};
        const int statuses[] = {200, 200, 200, 200, 301, 404, 500, 503};
        for (size_t at = 0; at < kRows; at += kRowsPerCommit) {
            auto batch = std::make_shared<RecordBatch>();
            const uint16_t stream =
                batch->add_stream(*StreamLabels::make({{"host", "h1"}, {"input", "app"}}));
            const Attr attr{batch->add_key("filename"), Value::string("/var/log/app.log")};
            const AttrRange attrs = batch->add_attrs({&attr, 1});
            for (size_t i = at; i < at + kRowsPerCommit; ++i) {
                const std::string line = fmt::format(
                    R"({{"time":"2026-01-01T00:00:{:02}.{:03}Z","level":"{}","method":"{}",)"
                    R"("path":"/api/v1/items/{}","status":{},"bytes":{},"duration_ms":{}.{},)"
                    R"("user":"user{}","trace_id":"{:08x}{:08x}","msg":"request served"}})",
                    i / 1000 % 60,
                    i % 1000,
                    random() % 20 == 0 ? "error" : "info",
                    methods[random() % 3],
                    random() % 10'000,
                    statuses[random() % 8],
                    random() % 100'000,
                    random() % 500,
                    random() % 1000,
                    random() % 1'000,
                    random(),
                    random()
                );
                batch->append_row({
                    .ts = {static_cast<int64_t>(i) * 1'000'000},
                    .stream = stream,
                    .body = batch->arena().copy(line),
                    .attrs = attrs,
                });
            }
            store.append({.view = {batch, {}}}, [](Result<store::Durable>) {});
        }
        return true;
    }();
    (void)filled;
    return store;
}

void count(benchmark::State& state) {
    const auto rows = static_cast<int64_t>(kRows);
    state.SetItemsProcessed(state.iterations() * rows);
    state.SetBytesProcessed(
        state.iterations() * static_cast<int64_t>(filled_store().stats().raw_bytes)
    );
}

/// A whole log query; the limit is 1,000.
void log_query(benchmark::State& state, const char* text) {
    auto& store = filled_store();
    const auto expr = logql::parse(text);
    const auto plan = query::LogPlan::make(text, std::get<logql::LogExpr>(expr->node));
    for (auto _ : state) {
        query::QueryContext context({}, io::system_clock());
        const query::LogRequest request{
            .range = {{0}, {int64_t{1} << 60}},
            .direction = store::Direction::kForward,
            .limit = 1'000
        };
        auto result = query::run_log_query(store, *plan, request, context);
        benchmark::DoNotOptimize(result);
    }
    count(state);
}

/// A matrix of 100 steps over everything.
void metric_query(benchmark::State& state, const char* text) {
    auto& store = filled_store();
    const auto expr = logql::parse(text);
    const query::Grid grid{.start_ns = 0, .step_ns = 1'000'000'000, .points = 100};
    for (auto _ : state) {
        query::QueryContext context({}, io::system_clock());
        auto result =
            query::run_metric_query(store, text, *expr, TenantId::kDefault, grid, context);
        benchmark::DoNotOptimize(result);
    }
    count(state);
}

BENCHMARK_CAPTURE(log_query, absent_text, R"({input="app"} |= "no such text")");
BENCHMARK_CAPTURE(log_query, rare_regex, R"({input="app"} |~ "items/77\\d\\d.*status\":503")");
BENCHMARK_CAPTURE(log_query, json_and_filter, R"({input="app"} | json | status > 900)");
BENCHMARK_CAPTURE(metric_query, count, R"(count_over_time({input="app"}[1m]))");
BENCHMARK_CAPTURE(
    metric_query, json_sum_by, R"(sum by (status) (count_over_time({input="app"} | json [1m])))"
);

}  // namespace

BENCHMARK_MAIN();

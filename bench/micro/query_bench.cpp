// SPDX-License-Identifier: Apache-2.0
// Queries over a sealed store on the real disk, each up to three times or more: best CPU and wall
// time.
//   query_bench DIR [SECONDS] [PART]   a store that prune_bench has filled; each query whose text
//                                      has PART runs at least SECONDS (1)
// CPU time of the process (user + system).
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "collector/query/engine.hpp"
#include "collector/query/log_exec.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/logql/parser.hpp"

using namespace seyir;

namespace {

using bench::cpu_seconds;
using bench::must;

constexpr UnixNanos kStart{1'767'268'800'000'000'000};
constexpr int64_t kSecond = 1'000'000'000;
constexpr double kEnough = 10;  ///< CPU seconds for one query

/// Rows or series of the answer.
size_t run(
    store::LogStore& store, const std::string& text, uint32_t limit, query::QueryContext& context
) {
    const logql::Expr expr = must(logql::parse(text));
    if (expr.is_log()) {
        const auto plan = must(query::LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
        query::LogRequest request{.limit = limit};
        request.range = {kStart, {kStart.value + 86'400 * kSecond}};
        const auto result = must(query::run_log_query(store, plan, request, context));
        size_t rows = 0;
        for (const auto& stream : result.streams) {
            rows += stream.rows.size();
        }
        return rows;
    }
    const query::Grid grid{
        .start_ns = kStart.value + 60 * kSecond, .step_ns = 60 * kSecond, .points = 1440
    };
    const auto result =
        must(query::run_metric_query(store, text, expr, TenantId::kDefault, grid, context));
    return std::get<query::Matrix>(result).series.size();
}

void ask(store::LogStore& store, const std::string& text, uint32_t limit, double seconds) {
    double best_cpu = 1e9;
    double best_wall = 1e9;
    double spent = 0;
    size_t answer = 0;
    query::QueryStats stats;
    for (int i = 0; (i < 3 && spent < kEnough) || (spent < seconds && i < 50); ++i) {
        query::QueryLimits limits;
        limits.detects_level = true;  // as the collector has it
        query::QueryContext context(limits, io::system_clock());
        const double begun = cpu_seconds();
        answer = run(store, text, limit, context);
        const double cpu = cpu_seconds() - begun;
        spent += cpu;
        best_cpu = std::min(best_cpu, cpu);
        stats = context.finish();
        best_wall = std::min(best_wall, static_cast<double>(stats.elapsed.count()) / 1e9);
    }
    fmt::print(
        "{:<84} {:>5} of {:>5} blocks, CPU {:8.2f} ms, wall {:8.2f} ms, {:6.2f} GB/s, {:6.2f} M "
        "rows/s, answer {}\n",
        text,
        stats.cursor.blocks_read,
        stats.cursor.blocks_total,
        best_cpu * 1e3,
        best_wall * 1e3,
        static_cast<double>(stats.cursor.raw_bytes_read) / 1e9 / best_cpu,
        static_cast<double>(stats.cursor.rows_read) / 1e6 / best_cpu,
        answer
    );
    (void)std::fflush(stdout);
}

constexpr std::string_view kQueries[] = {
    R"({app="shop"} |= "deadbeefdeadbeef")",
    R"({app="shop"} |= "no such thing")",
    R"({app="shop"} |= "Flux-Capacitor")",
    R"({app="shop"} |~ "(?i)flux-capacitor")",
    R"({app="shop"} |~ "(?i)FLUX-capacitOR over")",
    R"({app="shop"} | json | request_id="00000000-0000-4000-a000-000000000000")",
    R"({host="h3"})",
    R"(sum by (detected_level) (count_over_time({app="shop"}[1m])))",
    R"(sum by (level) (count_over_time({app="shop"}[1m])))",
    R"({app="shop"} |= "zq")",
    R"({app="shop"} |= "zq" != "a")",
    R"({app="shop"} |= "q7q")",
    R"({app="shop"} |= "00\",\"")",
    R"({app="shop"} |~ "ms.*[x-z]9{3}q")",
    R"({app="shop"} |~ "[x-z][0-9][x-z]")",
    R"({app="shop"} |~ "[0-9]{4}[a-f]{7}[0-9]zz")",
    R"({app="shop"} |~ `(?i)get /api.*([a-f])[0-9]{11}"`)",
    R"({app="shop"} !~ "(GET|POST) /api/v[0-9]+/")",
    R"({app="shop"} | json | duration_ms > 1000)",
    R"(sum by (status_code) (count_over_time({app="shop"} | json [1m])))",
    R"(sum by (logger, status_code) (count_over_time({app="shop"} | json | level="ERROR" [1m])))",
    R"(sum(count_over_time({app="shop"} | json | status_code >= 500 [1m])))",
    R"(sum(sum_over_time({app="shop"} | json | unwrap duration_ms [1m])))",
    R"(sum(count_over_time({app="shop"} |= "ERROR" [1m])))",
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: query_bench DIR [SECONDS] [PART OF QUERY]\n");
        return 2;
    }
    store::RocksStoreOptions options;
    options.data_dir = argv[1];
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    auto store = must(store::RocksStore::open(options));
    const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 1;
    const store::StoreStats stats = store->stats();
    fmt::print("{} records, {} MB raw\n", stats.records, stats.raw_bytes / 1'000'000);
    for (const std::string_view text : kQueries) {
        if (argc < 4 || text.contains(argv[3])) {
            ask(*store, std::string(text), 1000, seconds);
        }
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Queries over a sealed store on the real disk, with the filters of segments and without.
//   prune_bench [MB] [DIR]      MB of JSON lines of a web application over a day (2000), then each
//   query
// CPU time of this process (user + system) and wall time, the best of three runs with filters.
#include <cstdlib>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "collector/query/log_exec.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/logql/parser.hpp"
#include "common/record/batch_codec.hpp"

using namespace seyir;

namespace {

using bench::cpu_seconds;
using bench::must;

constexpr size_t kFrameRawBytes = 1 << 20;
constexpr UnixNanos kStart{1'767'268'800'000'000'000};

/// As `gen_logs.py --shape json` writes them.
std::string line_at(std::mt19937_64& random, UnixNanos ts) {
    static const char* const kPaths[] = {"orders", "users", "search", "cart", "payments", "items"};
    const char* path = kPaths[random() % 6];
    const uint64_t id = random() % 100'000;
    const unsigned micros = random() % 90'000;
    const int64_t seconds = ts.value / 1'000'000'000;
    return fmt::format(
        R"({{"timestamp": "2026-01-01T{:02}:{:02}:{:02}.{:06}Z", "level": "{}", "logger": "app.api.{}", )"
        R"("module": "middleware", "message": "GET /api/v1/{}/{} -> {} in {}.{} ms", "method": "GET", )"
        R"("path": "/api/v1/{}/{}", "status_code": {}, "duration_ms": {}.{}, "user_id": {}, )"
        R"("request_id": "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", "client_ip": "{}.{}.{}.{}"}})",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        ts.value / 1000 % 1'000'000,
        random() % 20 == 0 ? "ERROR" : "INFO",
        path,
        path,
        id,
        random() % 20 == 0 ? 500 : 200,
        micros / 1000,
        micros % 1000,
        path,
        id,
        random() % 20 == 0 ? 500 : 200,
        micros / 1000,
        micros % 1000,
        random() % 50'000,
        random() & 0xffffffff,
        random() & 0xffff,
        random() & 0xfff,
        random() & 0xfff,
        random() & 0xffffffffffff,
        random() % 223,
        random() % 256,
        random() % 256,
        random() % 256
    );
}

void fill(store::RocksStore& store, uint64_t megabytes) {
    std::mt19937_64 random(1);
    uint64_t n = 0;
    uint64_t at = 0;
    // Over 24 hours, evenly.
    constexpr int64_t kLineBytes = 364;
    const auto step = int64_t{86'400} * 1000 * kLineBytes / static_cast<int64_t>(megabytes);
    for (uint64_t frame = 0; at < megabytes * 1'000'000; ++frame) {
        auto batch = std::make_shared<RecordBatch>();
        const auto labels =
            StreamLabels::make({{"host", fmt::format("h{}", frame % 8)}, {"app", "shop"}});
        const uint16_t stream = batch->add_stream(*labels);
        batch->add_position({.key = {{1, frame % 8}, 0}});
        while (batch->raw_bytes() < kFrameRawBytes) {
            Row row;
            row.ts = {kStart.value + static_cast<int64_t>(n) * step};
            row.stream = stream;
            row.origin = 0;
            row.body = batch->arena().copy(
                n == 1'000'000 ? R"({"message": "the Flux-Capacitor overflowed"})"
                               : line_at(random, row.ts)
            );
            ++n;
            batch->append_row(row);
        }
        at += batch->raw_bytes();
        batch->set_provenance({.agent = {1, frame}, .epoch = 0, .push_hash = {}});
        batch->position(0).end = batch->raw_bytes();
        batch->set_encoded(must(encode_batch({batch, {}}, PayloadCodec::kLz4)));
        std::promise<void> done;
        store.append({0, {std::move(batch), {}}}, [&](Result<store::Durable> durable) {
            must(std::move(durable));
            done.set_value();
        });
        done.get_future().wait();
    }
}

void ask(store::LogStore& store, const std::string& text, uint32_t limit, bool has_filters) {
    const logql::Expr expr = must(logql::parse(text));
    const auto plan = must(query::LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
    double best_cpu = 1e9;
    double best_wall = 1e9;
    query::QueryStats stats;
    size_t rows = 0;
    // The first run warms up; what reads everything needs none.
    for (int i = 0; i < (has_filters ? 3 : 1); ++i) {
        query::QueryContext context({}, io::system_clock());
        const double begun = cpu_seconds();
        query::LogRequest request{.limit = limit};
        request.range = {kStart, {kStart.value + int64_t{86'400} * 1'000'000'000}};
        const auto result = must(query::run_log_query(store, plan, request, context));
        best_cpu = std::min(best_cpu, cpu_seconds() - begun);
        stats = context.finish();
        best_wall = std::min(best_wall, static_cast<double>(stats.elapsed.count()) / 1e9);
        rows = 0;
        for (const auto& stream : result.streams) {
            rows += stream.rows.size();
        }
    }
    fmt::print(
        "{:<58} {:<7} {:>5} rows, {:>5} of {:>5} blocks read, CPU {:8.2f} ms, wall {:8.2f} ms, "
        "{:.2f} GB/s scanned\n",
        text,
        has_filters ? "filters" : "without",
        rows,
        stats.cursor.blocks_read,
        stats.cursor.blocks_total,
        best_cpu * 1e3,
        best_wall * 1e3,
        static_cast<double>(stats.cursor.raw_bytes_read) / 1e9 / best_cpu
    );
    (void)std::fflush(stdout);
}

/// The same store, asked as if segments had no filters.
class WithoutFilters final : public store::LogStore {
  public:
    explicit WithoutFilters(store::LogStore& inner) : inner_(inner) {}

    void append(store::Commit commit, store::AppendDone done) override {
        inner_.append(std::move(commit), std::move(done));
    }

    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override {
        return inner_.begin_epoch(tenant, agent);
    }

    Result<std::vector<store::CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override {
        return inner_.committed(tenant, agent, output, lanes);
    }

    Result<bool> knows_agent(TenantId tenant, AgentId agent) override {
        return inner_.knows_agent(tenant, agent);
    }

    Result<std::unique_ptr<store::RowCursor>> select(store::SelectQuery query) override {
        query.holds = {};
        return inner_.select(std::move(query));
    }

    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override {
        return inner_.streams(tenant, range);
    }

    Result<store::Volume> volume(const store::VolumeQuery& query) override {
        return inner_.volume(query);
    }

    std::shared_ptr<void> subscribe(OnCommitted on_committed) override {
        return inner_.subscribe(std::move(on_committed));
    }

    store::StoreStats stats() override { return inner_.stats(); }

  private:
    store::LogStore& inner_;
};

}  // namespace

int main(int argc, char** argv) {
    const uint64_t megabytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
    store::RocksStoreOptions options;
    options.data_dir = argc > 2 ? argv[2] : "prune_bench_data";
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    auto store = must(store::RocksStore::open(options));
    if (store->stats().records == 0) {
        const double begun = cpu_seconds();
        fill(*store, megabytes);
        fmt::print("filled with {:.1f} CPU s\n", cpu_seconds() - begun);
    }
    (void)store->seal(store::SealScope::kAll);
    const store::StoreStats stats = store->stats();
    fmt::print(
        "{} records, {} MB raw, {} MB on disk, {} segments\n",
        stats.records,
        stats.raw_bytes / 1'000'000,
        stats.disk_bytes / 1'000'000,
        stats.segments
    );
    WithoutFilters without(*store);
    const std::pair<const char*, uint32_t> queries[] = {
        {R"({app="shop"} |= "deadbeefdeadbeef")", 1000},
        {R"({app="shop"} |= "no such thing")", 1000},
        {R"({app="shop"} |= "Flux-Capacitor")", 1000},
        {R"({app="shop"} |~ "(?i)flux-capacitor")", 1000},
        {R"({app="shop"} |~ "(turbo|flux)[ -]?capac.* over")", 1000},
        {R"({app="shop"} | json | request_id="00000000-0000-4000-a000-000000000000")", 1000},
        {R"({host="h3"})", 1000},
        {R"({app="shop"} |~ "ms.*[x-z]9{3}q")", 1000},
    };
    for (const auto& [text, limit] : queries) {
        ask(*store, text, limit, true);
        ask(without, text, limit, false);
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Counts that the store tells must be those that reading rows gives.
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "common/logql/parser.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

using namespace seyir;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBegin = 1'000'000 * kSecond;

/// Tells whether a query read rows.
class WatchedStore final : public store::LogStore {
  public:
    store::MemoryLogStore inner;
    int selects = 0;

    void append(store::Commit commit, store::AppendDone done) override {
        inner.append(std::move(commit), std::move(done));
    }

    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override {
        return inner.begin_epoch(tenant, agent);
    }

    Result<std::vector<store::CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override {
        return inner.committed(tenant, agent, output, lanes);
    }

    Result<bool> knows_agent(TenantId tenant, AgentId agent) override {
        return inner.knows_agent(tenant, agent);
    }

    Result<std::unique_ptr<store::RowCursor>> select(store::SelectQuery query) override {
        ++selects;
        return inner.select(std::move(query));
    }

    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override {
        return inner.streams(tenant, range);
    }

    Result<store::Volume> volume(const store::VolumeQuery& query) override {
        return inner.volume(query);
    }

    std::shared_ptr<void> subscribe(OnCommitted on_committed) override {
        return inner.subscribe(std::move(on_committed));
    }

    store::StoreStats stats() override { return inner.stats(); }
};

struct Fixture {
    io::ManualClock clock{UnixNanos{kBegin}};
    WatchedStore store;

    explicit Fixture(bool own_levels = false) {
        std::mt19937 random(7);
        std::vector<test::PlainRow> rows;
        for (int i = 0; i < 400; ++i) {
            test::PlainRow row{.labels = {{"app", i % 3 == 0 ? "a" : "b"}}};
            if (i % 5 == 0) {
                row.labels["level"] = "debug";
            }
            row.ts_ns = kBegin + static_cast<int64_t>(random() % 600) * kSecond;
            row.line = i % 2 == 0 ? "ERROR x" : i % 7 == 0 ? "level=info" : "plain";
            if (own_levels && i == 17) {
                row.metadata = {{"level", "own"}};
            }
            rows.push_back(row);
        }
        CHECK(test::store_rows(store, rows));
    }

    std::string run(const std::string& text, bool detects_level) {
        query::Grid grid{.start_ns = kBegin + 60 * kSecond, .step_ns = 60 * kSecond, .points = 10};
        query::QueryContext context({.detects_level = detects_level}, clock);
        const auto expr = logql::parse(text);
        REQUIRE_MESSAGE(expr, text);
        const auto result =
            query::run_metric_query(store, text, *expr, TenantId::kDefault, grid, context);
        REQUIRE_MESSAGE(result, text);
        std::string out;
        for (const query::Series& series : std::get<query::Matrix>(*result).series) {
            out += query::to_text(series.labels);
            for (const double value : series.values) {
                out += query::is_absent(value) ? " -" : fmt::format(" {}", value);
            }
            out += "\n";
        }
        return out;
    }
};

/// Means the same and cannot be answered from counts.
std::string read_rows(std::string text) {
    const size_t at = text.find(" [");
    return text.insert(at, " | app!=\"no such app\"");
}

}  // namespace

TEST_SUITE("collector/query/volume_exec") {
    TEST_CASE("what the counts say is what the rows say") {
        Fixture f;
        for (const char* query : {
                 "sum by (detected_level) (count_over_time({app=~\".+\"} [1m]))",
                 "sum by (level, detected_level) (count_over_time({app=~\".+\"} |= `` | drop "
                 "__error__ [1m]))",
                 "sum(count_over_time({app=\"a\"} [1m]))",
                 "sum by (app) (rate({app=~\".+\"} [1m]))",
                 "sum by (app, detected_level) (bytes_over_time({app=~\".+\"} [1m]))",
                 "sum by (app) (bytes_rate({app=~\".+\"} [1m]))",
                 "sum by (detected_level) (count_over_time({app=~\".+\"} | detected_level != \"\" "
                 "[1m]))",
                 "sum(count_over_time({app=~\".+\"} | detected_level=~\"error|info\" [1m]))",
                 "sum by (detected_level) (count_over_time({app=~\".+\"} [1m] offset 30s))",
                 "sum(count_over_time({app=\"none\"} [1m]))",
             }) {
            f.store.selects = 0;
            const std::string counted = f.run(query, true);
            CHECK_MESSAGE(f.store.selects == 0, query);
            CHECK_MESSAGE(counted == f.run(read_rows(query), true), query);
            CHECK_MESSAGE(f.store.selects == 1, query);
        }
    }

    TEST_CASE("where counts do not say it, rows are read") {
        Fixture f;
        Fixture own(true);
        const auto reads = [](Fixture& fixture, const char* query) {
            fixture.store.selects = 0;
            fixture.run(query, true);
            return fixture.store.selects == 1;
        };
        // Windows that overlap or leave gaps, a filter, a label that rows may have, all labels.
        CHECK(reads(f, "sum(count_over_time({app=~\".+\"} [2m]))"));
        CHECK(reads(f, "sum(count_over_time({app=~\".+\"} [30s]))"));
        CHECK(reads(f, "sum(count_over_time({app=~\".+\"} |= \"x\" [1m]))"));
        CHECK(reads(f, "sum by (filename) (count_over_time({app=~\".+\"} [1m]))"));
        CHECK(reads(f, "sum without (app) (count_over_time({app=~\".+\"} [1m]))"));
        CHECK(reads(f, "count_over_time({app=~\".+\"} [1m])"));
        CHECK(reads(f, "max by (app) (count_over_time({app=~\".+\"} [1m]))"));
        // A row with an attribute of its own named level.
        const char* by_level =
            "sum by (level, detected_level) (count_over_time({app=~\".+\"} [1m]))";
        CHECK(reads(own, by_level));
        CHECK_FALSE(reads(f, by_level));
        CHECK(own.run(by_level, true) == own.run(read_rows(by_level), true));
    }
}

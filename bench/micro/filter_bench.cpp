// SPDX-License-Identifier: Apache-2.0
// Built-in filters on one core: JSON parse, one condition, one modify, alone and in a row, in
// batches as the wire brings them. One item = one record; bytes = raw line bytes with terminator.
// Lines: those of the file in $SEYIR_BENCH_LINES (tools like gen_logs.py make them), else JSON
// access records of about 250 bytes made here. User CPU time is what counts: bench/README.md.
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "plugins/filter/modify/modify_filter.hpp"
#include "plugins/filter/parse/parse_filter.hpp"
#include "plugins/filter/rate/sample_filter.hpp"
#include "plugins/filter/rate/throttle_filter.hpp"
#include "plugins/filter/select/select_filters.hpp"
#include "test/support/filter_fixture.hpp"

using namespace seyir;

namespace {

constexpr size_t kRowsPerBatch = 4000;
constexpr size_t kLinesMax = 100'000;

std::vector<std::string> made_lines() {
    std::mt19937 random(1);
    const char* methods[] = {"GET", "POST", "PUT"};
    const int statuses[] = {200, 200, 200, 200, 301, 404, 500, 503};
    std::vector<std::string> lines;
    for (size_t i = 0; i < kLinesMax; ++i) {
        lines.push_back(fmt::format(
            R"({{"time":"2026-01-01T00:00:{:02}.{:03}Z","level":"{}","method":"{}",)"
            R"("path":"/api/v1/items/{}","status_code":{},"bytes":{},"duration_ms":{}.{},)"
            R"("user_id":"user{}","request_id":"{:08x}{:08x}","msg":"request served"}})",
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
        ));
    }
    return lines;
}

struct Input {
    std::vector<RecordBatchPtr> batches;
    uint64_t rows = 0;
    uint64_t bytes = 0;
};

const Input& input() {
    static const Input made = [] {
        std::vector<std::string> lines;
        if (const char* path = std::getenv("SEYIR_BENCH_LINES"); path != nullptr) {
            std::ifstream file(path);
            for (std::string line; lines.size() < kLinesMax && std::getline(file, line);) {
                lines.push_back(line);
            }
        } else {
            lines = made_lines();
        }
        Input out;
        for (size_t at = 0; at < lines.size(); at += kRowsPerBatch) {
            auto batch = std::make_shared<RecordBatch>();
            batch->add_stream(*StreamLabels::make({{"host", "h1"}, {"input", "app"}}));
            const Attr attr{batch->add_key("filename"), Value::string("/var/log/app.log")};
            const AttrRange attrs = batch->add_attrs({&attr, 1});
            for (size_t i = at; i < std::min(at + kRowsPerBatch, lines.size()); ++i) {
                batch->append_row({
                    .ts = {static_cast<int64_t>(i) + 1},
                    .body = batch->arena().copy(lines[i]),
                    .attrs = attrs,
                });
            }
            out.rows += batch->row_count();
            out.bytes += batch->raw_bytes();
            out.batches.push_back(std::move(batch));
        }
        return out;
    }();
    return made;
}

/// Hands what one filter emits to the next; the last counts.
class NextSink final : public pipeline::FilterSink {
  public:
    explicit NextSink(pipeline::Filter* next = nullptr, FilterSink* sink = nullptr)
        : next_(next), sink_(sink) {}

    void emit(BatchView view) override {
        rows += view.row_count();
        if (next_ != nullptr) {
            (void)next_->process(std::move(view), *sink_);
        } else {
            last = std::move(view);
        }
    }

    void drop(std::string_view /*reason*/, uint32_t count) override { dropped += count; }

    void fail(BatchView view, std::string_view /*code*/, std::string_view /*message*/) override {
        emit(std::move(view));
    }

    pipeline::HeldRows hold(uint32_t count) override { return {count, {}}; }

    void emit_held(BatchView view, pipeline::HeldRows /*used*/) override { emit(std::move(view)); }

    void drop_held(std::string_view /*reason*/, pipeline::HeldRows /*used*/) override {}

    void emit_event(BatchView /*view*/) override {}

    uint64_t rows = 0;
    uint64_t dropped = 0;
    BatchView last;

  private:
    pipeline::Filter* next_;
    FilterSink* sink_;
};

constexpr const char* kParse = "type: parse\nformat: json";
constexpr const char* kDrop = "type: drop\nif: '| status_code >= 500'";
constexpr const char* kModify = "type: modify\noperations:\n- { convert: status_code, to: int }";

void count(benchmark::State& state) {
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(input().rows));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(input().bytes));
}

/// One filter on batches that went through `parse` before, or on raw ones.
void one(benchmark::State& state, component::FilterType type, const char* yaml, bool is_parsed) {
    std::vector<BatchView> views;
    test::FilterFixture parse(plugins::parse_filter_type(), kParse);
    for (const RecordBatchPtr& batch : input().batches) {
        NextSink sink;
        if (is_parsed) {
            (void)parse.process(BatchView{batch, {}});
        } else {
            parse.sink.emitted.push_back({batch, {}});
        }
    }
    test::FilterFixture f(std::move(type), yaml);
    if (!f.ok()) {
        state.SkipWithError(f.diagnostics().c_str());
        return;
    }
    for (auto _ : state) {
        NextSink sink;
        for (const BatchView& view : parse.sink.emitted) {
            (void)f.filter().process(view, sink);
        }
        benchmark::DoNotOptimize(sink.rows);
    }
    count(state);
}

void parse_only(benchmark::State& state) {
    one(state, plugins::parse_filter_type(), kParse, false);
}

void condition_only(benchmark::State& state) {
    one(state, plugins::drop_filter_type(), kDrop, true);
}

void line_condition(benchmark::State& state) {
    one(state, plugins::drop_filter_type(), "type: drop\nif: '|= \"error\"'", false);
}

void json_condition(benchmark::State& state) {
    one(state, plugins::drop_filter_type(), "type: drop\nif: '| json | status_code >= 500'", false);
}

void modify_only(benchmark::State& state) {
    one(state, plugins::modify_filter_type(), kModify, true);
}

void throttle_by_key(benchmark::State& state) {
    one(state, plugins::throttle_filter_type(), "type: throttle\nrate: 1000000\nby: [user_id]", true
    );
}

void sample_by_key(benchmark::State& state) {
    one(state, plugins::sample_filter_type(), "type: sample\none_in: 10\nby: [request_id]", true);
}

void parse_condition_modify(benchmark::State& state) {
    test::FilterFixture parse(plugins::parse_filter_type(), kParse);
    test::FilterFixture drop(plugins::drop_filter_type(), kDrop);
    test::FilterFixture modify(plugins::modify_filter_type(), kModify);
    uint64_t rows = 0;
    for (auto _ : state) {
        NextSink last;
        NextSink third(&modify.filter(), &last);
        NextSink second(&drop.filter(), &third);
        for (const RecordBatchPtr& batch : input().batches) {
            (void)parse.filter().process({batch, {}}, second);
        }
        rows = last.rows;
    }
    state.counters["rows_out"] = static_cast<double>(rows);
    count(state);
}

BENCHMARK(parse_only)->Unit(benchmark::kMillisecond);
BENCHMARK(line_condition)->Unit(benchmark::kMillisecond);
BENCHMARK(condition_only)->Unit(benchmark::kMillisecond);
BENCHMARK(json_condition)->Unit(benchmark::kMillisecond);
BENCHMARK(modify_only)->Unit(benchmark::kMillisecond);
BENCHMARK(throttle_by_key)->Unit(benchmark::kMillisecond);
BENCHMARK(sample_by_key)->Unit(benchmark::kMillisecond);
BENCHMARK(parse_condition_modify)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// The `lua` filter: records of four fields and a line of 100 bytes through both kinds of script.
// Time is CPU time of this thread; the batch is made outside of it.
#include <benchmark/benchmark.h>

#include "plugins/filter/lua/lua_filter_type.hpp"
#include "test/support/filter_fixture.hpp"

namespace {

using namespace seyir;

constexpr size_t kRows = 4'096;

class NullSink final : public pipeline::FilterSink {
  public:
    void emit(BatchView view) override { rows += view.row_count(); }

    void drop(std::string_view, uint32_t count) override { rows += count; }

    void fail(BatchView, std::string_view, std::string_view message) override { failed = message; }

    pipeline::HeldRows hold(uint32_t) override { return {}; }

    void emit_held(BatchView, pipeline::HeldRows) override {}

    void drop_held(std::string_view, pipeline::HeldRows) override {}

    void emit_event(BatchView) override {}

    size_t rows = 0;
    std::string failed;
};

RecordBatchPtr make_rows() {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"app", "shop"}}));
    const KeyIndex keys[] = {
        batch->add_key("method"),
        batch->add_key("path"),
        batch->add_key("status"),
        batch->add_key("duration")
    };
    for (size_t i = 0; i < kRows; ++i) {
        const std::string path = "/api/v1/items/" + std::to_string(i);
        std::string line = "10.0.0.1 - - [12/Mar/2026:10:00:00 +0000] \"GET " + path;
        line.resize(100, 'x');
        const Attr attrs[] = {
            {keys[0], Value::string("GET"), true},
            {keys[1], Value::string(batch->arena().copy(path)), true},
            {keys[2], Value::integer(static_cast<int64_t>(200 + i % 400)), true},
            {keys[3], Value::real(0.25 * static_cast<double>(i)), true},
        };
        batch->append_row(
            {.ts = {1'767'225'600'000'000'000 + static_cast<int64_t>(i)},
             .stream = stream,
             .body = batch->arena().copy(line),
             .attrs = batch->add_attrs(attrs)}
        );
    }
    return batch;
}

void run(benchmark::State& state, const std::string& yaml) {
    test::FilterFixture f(plugins::lua_filter_type(), yaml);
    if (!f.ok()) {
        state.SkipWithError(f.diagnostics().c_str());
        return;
    }
    const RecordBatchPtr batch = make_rows();
    NullSink sink;
    for (auto _ : state) {
        if (!f.filter().process({batch, {}}, sink) || !sink.failed.empty()) {
            state.SkipWithError(sink.failed.c_str());
            return;
        }
    }
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

void callback_sets_one(benchmark::State& state) {
    run(state,
        "type: lua\ncall: cb\ncode: |\n"
        "  function cb(tag, ts, r)\n"
        "    if r.status >= 500 then r.level = 'error' end\n"
        "    return 2, ts, r\n  end");
}

void callback_changes_nothing(benchmark::State& state) {
    run(state,
        "type: lua\ncall: cb\ncode: |\n"
        "  function cb(tag, ts, r)\n"
        "    if r.status == 1 then return -1, 0, 0 end\n    return 0, 0, 0\n  end");
}

void process_reads_and_sets(benchmark::State& state) {
    run(state,
        "type: lua\ncode: |\n"
        "  function process(batch)\n    for row in batch:rows() do\n"
        "      if row.status >= 500 then row.level = 'error' end\n    end\n  end");
}

void process_reads_four(benchmark::State& state) {
    run(state,
        "type: lua\ncode: |\n"
        "  function process(batch)\n    for row in batch:rows() do\n"
        "      if row.status >= 500 and row.method == 'GET' and row.duration > 1 and row.path then "
        "row.level = 'error' end\n    end\n  end");
}

}  // namespace

BENCHMARK(callback_sets_one);
BENCHMARK(callback_changes_nothing);
BENCHMARK(process_reads_and_sets);
BENCHMARK(process_reads_four);
BENCHMARK_MAIN();

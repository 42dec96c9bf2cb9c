// SPDX-License-Identifier: Apache-2.0
// The parse filter over lines in memory, one format a benchmark: bytes = raw line bytes with
// terminator. Lines: PARSE_BENCH_JSON and PARSE_BENCH_COMBINED name files that tools/gen_logs.py
// made; without them, lines of the same shapes made here.
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"
#include "plugins/filter/modify/modify_filter.hpp"
#include "plugins/filter/parse/parse_filter.hpp"
#include "plugins/filter/select/select_filters.hpp"
#include "test/support/filter_fixture.hpp"

using namespace seyir;

namespace {

constexpr size_t kRowsPerBatch = 2'000;
constexpr size_t kBytes = 32 << 20;

std::string json_line(std::mt19937& random, size_t i) {
    return fmt::format(
        R"({{"timestamp": "2026-01-01T00:00:{:02}.{:06}Z", "level": "{}", "logger": "app.api.orders", )"
        R"("module": "middleware", "message": "GET /api/v1/orders/{} -> 200 in 11.5 ms", )"
        R"("method": "GET", "path": "/api/v1/orders/{}", "status_code": {}, "duration_ms": {}.{}, )"
        R"("user_id": {}, "request_id": "b41ae53b-8322-4871-804b-{:08x}f282", "client_ip": "209.{}.26.134"}})",
        i / 1000 % 60,
        i % 1'000'000,
        random() % 20 == 0 ? "ERROR" : "INFO",
        random() % 100'000,
        random() % 100'000,
        random() % 20 == 0 ? 500 : 200,
        random() % 100,
        random() % 1000,
        random() % 40'000,
        static_cast<uint32_t>(random()),
        random() % 256
    );
}

std::string combined_line(std::mt19937& random, size_t i) {
    return fmt::format(
        R"({}.{}.86.206 - - [01/Jan/2026:00:{:02}:{:02} +0000] "GET /api/v1/items/{} HTTP/1.1" {} {} )"
        R"("https://shop.example.com/watch/{}" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15")",
        random() % 223 + 1,
        random() % 256,
        i / 60'000 % 60,
        i / 1000 % 60,
        random() % 1'000'000,
        random() % 10 == 0 ? 404 : 200,
        random() % 10'000,
        random() % 1000
    );
}

std::vector<std::string> lines_of(
    const char* variable, std::string (*make)(std::mt19937&, size_t)
) {
    std::vector<std::string> lines;
    size_t bytes = 0;
    if (const char* path = std::getenv(variable); path != nullptr) {
        std::ifstream in(path);
        for (std::string line; bytes < kBytes && std::getline(in, line); bytes += line.size()) {
            lines.push_back(line);
        }
        return lines;
    }
    std::mt19937 random(1);
    while (bytes < kBytes) {
        lines.push_back(make(random, lines.size()));
        bytes += lines.back().size();
    }
    return lines;
}

struct Input {
    std::vector<RecordBatchPtr> batches;
    uint64_t bytes = 0;
    uint64_t rows = 0;
};

/// Batches as tail makes them: bodies are slices of one buffer, rows share their attributes.
Input input_of(const std::vector<std::string>& lines) {
    Input input;
    for (size_t at = 0; at < lines.size(); at += kRowsPerBatch) {
        auto batch = std::make_shared<RecordBatch>();
        const uint16_t stream = batch->add_stream(*StreamLabels::make({{"input", "app"}}));
        const Attr attr{batch->add_key("filename"), Value::string("/var/log/app.log")};
        const AttrRange attrs = batch->add_attrs({&attr, 1});
        for (size_t i = at; i < std::min(at + kRowsPerBatch, lines.size()); ++i) {
            batch->append_row({
                .ts = {1'767'225'600'000'000'000 + static_cast<int64_t>(i)},
                .stream = stream,
                .body = batch->arena().copy(lines[i]),
                .attrs = attrs,
            });
        }
        input.bytes += batch->raw_bytes();
        input.rows += batch->row_count();
        input.batches.push_back(std::move(batch));
    }
    return input;
}

const Input& json_input() {
    static const Input input = input_of(lines_of("PARSE_BENCH_JSON", json_line));
    return input;
}

const Input& combined_input() {
    static const Input input = input_of(lines_of("PARSE_BENCH_COMBINED", combined_line));
    return input;
}

/// The next filter of a chain.
class Chain final : public pipeline::FilterSink {
  public:
    explicit Chain(pipeline::Filter* next, Chain* after = nullptr) : next_(next), after_(after) {}

    void emit(BatchView view) override {
        rows += view.row_count();
        if (next_ != nullptr) {
            (void)next_->process(std::move(view), *after_).has_value();
        }
    }

    void drop(std::string_view, uint32_t) override {}

    void fail(BatchView, std::string_view, std::string_view) override {}

    pipeline::HeldRows hold(uint32_t) override { return {}; }

    void emit_held(BatchView, pipeline::HeldRows) override {}

    void drop_held(std::string_view, pipeline::HeldRows) override {}

    void emit_event(BatchView) override {}

    uint64_t rows = 0;

  private:
    pipeline::Filter* next_;
    Chain* after_;
};

void run(benchmark::State& state, const Input& input, const std::string& yaml) {
    test::FilterFixture parse(plugins::parse_filter_type(), "type: parse\n" + yaml);
    if (!parse.ok()) {
        state.SkipWithError(parse.diagnostics().c_str());
        return;
    }
    Chain end(nullptr);
    for (auto _ : state) {
        for (const RecordBatchPtr& batch : input.batches) {
            (void)parse.filter().process({batch, {}}, end).has_value();
        }
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes));
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * input.rows));
}

void json(benchmark::State& state) {
    run(state, json_input(), "format: json");
}

void json_with_time_and_level(benchmark::State& state) {
    run(state, json_input(), "format: json\ntime: { key: timestamp }\nlevel: level");
}

/// One condition and one change behind it, as a route's `through` has them.
void json_condition_modify(benchmark::State& state) {
    const Input& input = json_input();
    test::FilterFixture parse(plugins::parse_filter_type(), "type: parse\nformat: json");
    test::FilterFixture keep(plugins::keep_filter_type(), "type: keep\nif: '| status_code >= 200'");
    test::FilterFixture modify(
        plugins::modify_filter_type(), "type: modify\noperations: [{ set: team, to: web }]"
    );
    if (!parse.ok() || !keep.ok() || !modify.ok()) {
        state.SkipWithError(
            (parse.diagnostics() + keep.diagnostics() + modify.diagnostics()).c_str()
        );
        return;
    }
    Chain end(nullptr);
    Chain changed(&modify.filter(), &end);
    Chain kept(&keep.filter(), &changed);
    for (auto _ : state) {
        for (const RecordBatchPtr& batch : input.batches) {
            (void)parse.filter().process({batch, {}}, kept).has_value();
        }
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes));
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * input.rows));
}

void clf(benchmark::State& state) {
    run(state, combined_input(), "format: clf");
}

void grok_combined(benchmark::State& state) {
    run(state, combined_input(), "format: grok\npattern: '%{COMBINEDAPACHELOG}'");
}

void auto_json(benchmark::State& state) {
    run(state, json_input(), "format: auto");
}

void regex_combined(benchmark::State& state) {
    run(state,
        combined_input(),
        "format: regex\npattern: '^(?P<client>\\S+) \\S+ (?P<user>\\S+) \\[(?P<time>[^\\]]+)\\] "
        "\"(?P<request>[^\"]*)\" (?P<status>\\d+)'");
}

BENCHMARK(json)->Unit(benchmark::kMillisecond);
BENCHMARK(json_with_time_and_level)->Unit(benchmark::kMillisecond);
BENCHMARK(json_condition_modify)->Unit(benchmark::kMillisecond);
BENCHMARK(auto_json)->Unit(benchmark::kMillisecond);
BENCHMARK(clf)->Unit(benchmark::kMillisecond);
BENCHMARK(grok_combined)->Unit(benchmark::kMillisecond);
BENCHMARK(regex_combined)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

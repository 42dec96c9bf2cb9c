// SPDX-License-Identifier: Apache-2.0
// The filter `redact` with every built-in rule, over whole batches: CPU time of this thread a byte.
//   redact_bench [FILE]   one line a record; without FILE lines made here, four in a hundred with
//                         something to hide
// `combined` changes every line (an address is cut down), `json` few, `clean` none.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <fmt/format.h>

#include "plugins/filter/redact/redact_filter.hpp"

using namespace seyir;
using namespace seyir::plugins::redact;

namespace {

class NullSink final : public pipeline::FilterSink {
  public:
    void emit(BatchView view) override { bytes += view.batch->raw_bytes(); }

    void drop(std::string_view, uint32_t) override {}

    void fail(BatchView, std::string_view, std::string_view) override {}

    pipeline::HeldRows hold(uint32_t) override { return {}; }

    void emit_held(BatchView, pipeline::HeldRows) override {}

    void drop_held(std::string_view, pipeline::HeldRows) override {}

    void emit_event(BatchView) override {}

    uint64_t bytes = 0;
};

std::string json_line(std::mt19937& random) {
    const char* const secret = random() % 100 < 4 ? R"(,"mail":"user.name@example.com")" : "";
    return fmt::format(
        R"({{"ts":"2026-11-22T10:{:02}:{:02}.{:06}Z","level":"info","logger":"app.orders","msg":"order {} done","trace":"{:08x}{:08x}","took_ms":{}.{},"status":200{}}})",
        random() % 60,
        random() % 60,
        random() % 1000000,
        random() % 100000000,
        random(),
        random(),
        random() % 500,
        random() % 1000,
        secret
    );
}

std::string combined_line(std::mt19937& random) {
    return fmt::format(
        R"({}.{}.{}.{} - - [22/Nov/2026:10:{:02}:{:02} +0300] "GET /items/{}?page={} HTTP/1.1" 200 {} "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/118.0")",
        random() % 256,
        random() % 256,
        random() % 256,
        1 + random() % 255,
        random() % 60,
        random() % 60,
        random() % 100000,
        random() % 10,
        random() % 100000
    );
}

std::string clean_line(std::mt19937& random) {
    return fmt::format(
        "2026-11-22 10:{:02}:{:02},{:03} INFO [worker-{}] com.example.Orders: order {} took {} ms",
        random() % 60,
        random() % 60,
        random() % 1000,
        random() % 16,
        random() % 10000000,
        random() % 1000
    );
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

RecordBatchPtr make_batch(std::span<const std::string> lines) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    for (const std::string& line : lines) {
        batch->append_row({.ts = {1}, .stream = stream, .body = batch->arena().copy(line)});
    }
    return batch;
}

void run(const char* name, const std::vector<std::string>& lines) {
    auto options = std::make_shared<RedactOptions>();
    options->rules = RuleSet::all();
    options->actions[static_cast<size_t>(Rule::kIp)] = Action::kTruncate;
    metrics::Counter counter;
    RedactFilter filter(
        options, *Redactor::create(options), std::vector<metrics::Counter*>(kBuiltInRules, &counter)
    );
    constexpr size_t kRows = 1000;
    std::vector<RecordBatchPtr> batches;
    for (size_t at = 0; at < lines.size(); at += kRows) {
        batches.push_back(
            make_batch(std::span(lines).subspan(at, std::min(kRows, lines.size() - at)))
        );
    }
    NullSink sink;
    uint64_t records = 0;
    uint64_t bytes = 0;
    const double begin = cpu_seconds();
    double used = 0;
    while (used < 1.0) {
        for (const RecordBatchPtr& batch : batches) {
            // Another owner of the batch: what a fan-out costs is part of the figure.
            if (!filter.process({batch, {}}, sink)) {
                std::abort();
            }
            bytes += batch->raw_bytes();
            records += batch->row_count();
        }
        used = cpu_seconds() - begin;
    }
    std::puts(fmt::format(
                  "{:10} {:6.0f} MB/s  {:5.2f} M records/s  {} matches",
                  name,
                  static_cast<double>(bytes) / used * 1e-6,
                  static_cast<double>(records) / used * 1e-6,
                  counter.value()
    )
                  .c_str());
}

std::vector<std::string> make_lines(std::string (*make)(std::mt19937&)) {
    std::mt19937 random(1);
    std::vector<std::string> lines;
    for (int i = 0; i < 4000; ++i) {
        lines.push_back(make(random));
    }
    return lines;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) {
        std::ifstream file(argv[1]);
        std::vector<std::string> lines;
        for (std::string line; lines.size() < 20000 && std::getline(file, line);) {
            lines.push_back(line);
        }
        run("file", lines);
        return 0;
    }
    run("json", make_lines(json_line));
    run("combined", make_lines(combined_line));
    run("clean", make_lines(clean_line));
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Tail: read + split + batch of a file in the page cache, every batch answered at once. One item is
// a line; bytes are file bytes, so 1e9 / bytes_per_second is CPU seconds per GB.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/tail/newline_scan.hpp"
#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace {

using namespace seyir;
using namespace seyir::agent::input;

class Folder {
  public:
    Folder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "seyir-bench-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }

    ~Folder() { std::filesystem::remove_all(path_); }

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Lines of 60 to 240 bytes, 147 on average, as tools/gen_logs writes for `plain`.
std::string plain_text(size_t bytes) {
    std::string text;
    text.reserve(bytes + 256);
    uint64_t random = 1;
    while (text.size() < bytes) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const size_t length = 52 + (random >> 33) % 188;
        text += std::to_string(random);
        text.append(length, static_cast<char>('a' + (random >> 60)));
        text += '\n';
    }
    return text;
}

/// A service's log: lines that begin with a time, and every 20 lines a stack trace of 15.
std::string trace_text(size_t bytes) {
    const std::string plain = plain_text(bytes);
    std::string text;
    text.reserve(bytes + 4'096);
    size_t lines = 0;
    for (size_t at = 0; at < plain.size() && text.size() < bytes; ++lines) {
        const size_t end = plain.find('\n', at) + 1;
        text += "2026-11-22 10:00:00,123 INFO ";
        text.append(plain, at, end - at);
        at = end;
        for (int i = 0; lines % 20 == 0 && i < 15; ++i) {
            text += "\tat org.example.shop.orders.OrderService.place(OrderService.java:" +
                    std::to_string(100 + i) + ")\n";
        }
    }
    return text;
}

void read_files(
    benchmark::State& state, size_t files, const std::string& text, const multiline::Spec& spec
) {
    const Folder folder;
    multiline::Multiline rules;
    if (!spec.preset.empty() || !spec.start.empty()) {
        rules.rules = *multiline::Rules::compile(spec);
    }
    auto& fs = io::posix_file_system();
    for (size_t i = 0; i < files; ++i) {
        const auto file =
            fs.open(folder.path() + "/" + std::to_string(i) + ".log", io::OpenMode::kWriteTruncate);
        if (!file || !(*file)->append(std::to_string(i) + "\n" + text)) {
            state.SkipWithError("cannot write the input");
            return;
        }
    }
    log::set_level(log::Level::kError);
    uint64_t rows = 0;
    for (auto _ : state) {
        metrics::Registry registry;
        std::filesystem::remove_all(folder.path() + "/state");
        seyir::agent::checkpoint::CheckpointStore checkpoints(
            fs, io::system_clock(), registry, folder.path() + "/state"
        );
        if (!checkpoints.open()) {
            state.SkipWithError("cannot open the checkpoint");
            return;
        }
        TailOptions options;
        options.id = "bench";
        options.include = {folder.path() + "/*.log"};
        options.multiline = rules;
        options.labels = *StreamLabels::make({{"input", "bench"}});
        auto reader = TailReader::make(
            options, {fs, io::system_clock(), registry, checkpoints}, nullptr, [] {}
        );
        (*reader)->set_submit([&](RecordBatchPtr batch) {
            rows += batch->row_count();
            batch->take_ack().resolve(
                DeliveryReport::delivered(static_cast<uint32_t>(batch->row_count()))
            );
        });
        const uint64_t before = rows;
        while ((*reader)->poll_once().count() == 0 || rows == before) {
        }
        (*reader)->finish();
    }
    state.SetItemsProcessed(static_cast<int64_t>(rows));
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * files * text.size()));
}

void read_lines(benchmark::State& state) {
    const auto files = static_cast<size_t>(state.range(0));
    read_files(state, files, plain_text((256 * kMiB) / files), {});
}

/// 0: every line a record, 1: preset java, 2: a start pattern, 3: preset python, 4: preset cri.
void read_groups(benchmark::State& state) {
    const std::vector<multiline::Spec> specs{
        {},
        {.preset = "java"},
        {.start = R"(^\d{4}-\d{2}-\d{2} )"},
        {.preset = "python"},
        {.preset = "cri"},
    };
    read_files(state, 1, trace_text(256 * kMiB), specs[static_cast<size_t>(state.range(0))]);
}

void scan(benchmark::State& state) {
    const std::string text = plain_text(256 * kKiB);
    std::vector<uint32_t> offsets;
    for (auto _ : state) {
        offsets.clear();
        scan_newlines(text, offsets);
        benchmark::DoNotOptimize(offsets.data());
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

}  // namespace

BENCHMARK(read_lines)->Arg(1)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(read_groups)->DenseRange(0, 4)->Unit(benchmark::kMillisecond);
BENCHMARK(scan);

BENCHMARK_MAIN();

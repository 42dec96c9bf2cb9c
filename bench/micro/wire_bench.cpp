// SPDX-License-Identifier: Apache-2.0
// One item = one record; bytes = raw line bytes with terminator. Cost in CPU s/GB is 1e9 divided by
// bytes_per_second. Lines come from SEYIR_BENCH_FILE, else from a built-in generator.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "common/codec/crc32c.hpp"
#include "common/record/batch_codec.hpp"

using namespace seyir;

namespace {

constexpr size_t kBytes = 8 << 20;

std::string generated_lines() {
    std::mt19937 random(1);
    std::string out;
    const char* words[] = {
        "accepted", "closed", "session", "worker", "request", "cache", "timeout"
    };
    int64_t ms = 1'767'225'600'000;
    while (out.size() < kBytes) {
        ms += random() % 40;
        out += fmt::format(
            "2026-01-01T{:02}:{:02}:{:02}.{:03}Z web{} app[{}]: {} {} from 10.{}.{}.{} port {} "
            "id={:08x} took {} us\n",
            ms / 3600000 % 24,
            ms / 60000 % 60,
            ms / 1000 % 60,
            ms % 1000,
            random() % 4,
            random() % 30000,
            words[random() % 7],
            words[random() % 7],
            random() % 256,
            random() % 256,
            random() % 256,
            1024 + random() % 60000,
            random(),
            random() % 100000
        );
    }
    return out;
}

const std::string& lines() {
    static const std::string text = [] {
        const char* path = std::getenv("SEYIR_BENCH_FILE");
        if (path == nullptr) {
            return generated_lines();
        }
        std::ifstream file(path, std::ios::binary);
        std::string out(kBytes, '\0');
        file.read(out.data(), static_cast<std::streamsize>(out.size()));
        out.resize(static_cast<size_t>(file.gcount()));
        return out;
    }();
    return text;
}

/// Batches of about `goal` bytes as the tail input builds them: one file, one attribute.
std::vector<BatchView> batches(size_t goal) {
    std::vector<BatchView> out;
    std::string_view text = lines();
    int64_t ts = 1'767'225'600'000'000'000;
    while (!text.empty()) {
        RecordBatch batch;
        batch.add_stream(
            *StreamLabels::make({{"host", "web1"}, {"input", "app"}, {"service_name", "app"}})
        );
        SourcePosition position;
        position.end = goal;
        batch.add_position(position);
        const Attr attr{batch.add_key("filename"), Value::string("/var/log/app.log")};
        const AttrRange attrs = batch.add_attrs(std::span(&attr, 1));
        const size_t size = std::min(goal, text.size());
        std::string_view chunk = batch.arena().copy(text.substr(0, size));
        text.remove_prefix(size);
        ts += 1'000'000;
        while (!chunk.empty()) {
            const size_t end = std::min(chunk.find('\n'), chunk.size());
            batch.append_row(
                {.ts = {ts++}, .origin = 0, .body = chunk.substr(0, end), .attrs = attrs}
            );
            chunk.remove_prefix(std::min(end + 1, chunk.size()));
        }
        out.push_back({std::make_shared<const RecordBatch>(std::move(batch)), {}});
    }
    return out;
}

void count(benchmark::State& state, const std::vector<BatchView>& views, size_t packed) {
    size_t rows = 0;
    size_t raw = 0;
    for (const BatchView& view : views) {
        rows += view.row_count();
        raw += view.batch->raw_bytes();
    }
    state.SetItemsProcessed(static_cast<int64_t>(rows) * state.iterations());
    state.SetBytesProcessed(static_cast<int64_t>(raw) * state.iterations());
    if (packed > 0) {
        state.counters["ratio"] = static_cast<double>(raw) / static_cast<double>(packed);
    }
    state.counters["s_per_GB"] = benchmark::Counter(
        static_cast<double>(raw) * static_cast<double>(state.iterations()) / 1e9,
        benchmark::Counter::kIsRate | benchmark::Counter::kInvert
    );
}

EncodeOptions options_of(int64_t codec, int64_t level) {
    EncodeOptions options;
    options.codec = static_cast<PayloadCodec>(codec);
    options.lz4_acceleration = static_cast<int>(level);
    options.zstd_level = static_cast<int>(level);
    return options;
}

void encode(benchmark::State& state) {
    const auto views = batches(static_cast<size_t>(state.range(2)) << 10);
    BatchEncoder encoder(options_of(state.range(0), state.range(1)));
    size_t packed = 0;
    for (auto _ : state) {
        packed = 0;
        for (const BatchView& view : views) {
            const auto encoded = encoder.encode(view);
            packed += encoded->bytes->size();
        }
    }
    count(state, views, packed);
}

void decode(benchmark::State& state) {
    const auto views = batches(static_cast<size_t>(state.range(2)) << 10);
    BatchEncoder encoder(options_of(state.range(0), state.range(1)));
    std::vector<EncodedBatch> encoded;
    for (const BatchView& view : views) {
        encoded.push_back(*encoder.encode(view));
    }
    BatchDecoder decoder;
    for (auto _ : state) {
        for (const EncodedBatch& one : encoded) {
            benchmark::DoNotOptimize(decoder.decode(one, TenantId::kDefault));
        }
    }
    count(state, views, 0);
}

void peek(benchmark::State& state) {
    const auto views = batches(1 << 20);
    const auto encoded = encode_batch(views.front(), PayloadCodec::kLz4);
    BatchDecoder decoder;
    for (auto _ : state) {
        benchmark::DoNotOptimize(decoder.read_header(*encoded->bytes));
    }
}

void crc32c(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(codec::crc32c(lines()));
    }
    state.SetBytesProcessed(static_cast<int64_t>(lines().size()) * state.iterations());
}

constexpr int64_t kNone = 0;
constexpr int64_t kLz4 = 1;
constexpr int64_t kZstd = 2;

}  // namespace

// codec, acceleration or level, batch KiB
BENCHMARK(encode)
    ->Args({kNone, 1, 1024})
    ->Args({kLz4, 1, 256})
    ->Args({kLz4, 1, 1024})
    ->Args({kLz4, 4, 1024})
    ->Args({kLz4, 8, 1024})
    ->Args({kLz4, 32, 1024})
    ->Args({kZstd, -5, 1024})
    ->Args({kZstd, 1, 1024});
BENCHMARK(decode)
    ->Args({kNone, 1, 1024})
    ->Args({kLz4, 1, 256})
    ->Args({kLz4, 1, 1024})
    ->Args({kLz4, 8, 1024})
    ->Args({kZstd, -5, 1024})
    ->Args({kZstd, 1, 1024});
BENCHMARK(peek);
BENCHMARK(crc32c);
BENCHMARK_MAIN();

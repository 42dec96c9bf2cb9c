// SPDX-License-Identifier: Apache-2.0
// A disk buffer on this machine's disk: batches of about 1 MiB appended by one source with 32 MiB
// under way, each answered after fdatasync, and read by an output that takes everything.
//   buffer_bench FOLDER [GB] [SYNC: ack|os] [RECEIVED: 0|1]
// RECEIVED = 1: batches keep the bytes they came as, as on a collector; 0: they are packed here.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "common/buffer/disk_buffer.hpp"
#include "common/record/batch_codec.hpp"

namespace {

using seyir::bench::cpu_seconds;

using namespace seyir;
using namespace seyir::buffer;

constexpr size_t kBatchBytes = 1 << 20;
constexpr size_t kUnderWay = 32;

RecordBatchPtr make_batch(uint64_t seed, bool received) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(
        *StreamLabels::make({{"host", "web1"}, {"input", "app"}, {"service_name", "app"}})
    );
    uint64_t noise = seed;
    int64_t ts = 1'767'225'600'000'000'000;
    while (batch->raw_bytes() < kBatchBytes) {
        noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
        const std::string body = fmt::format(
            R"({{"ts":"2026-01-01T00:00:{:02}Z","level":"info","path":"/items/{}","status":{},"ms":{},"id":"{:016x}"}})",
            noise % 60,
            (noise >> 20U) % 5000,
            (noise >> 8U) % 7 == 0 ? 404 : 200,
            (noise >> 30U) % 900,
            noise
        );
        batch->append_row({.ts = {ts += 1000}, .stream = stream, .body = batch->arena().copy(body)}
        );
    }
    if (received) {
        batch->set_encoded(*encode_batch({batch, {}}, PayloadCodec::kLz4));
    }
    return batch;
}

struct Flow {
    std::mutex mutex;
    std::condition_variable changed;
    size_t under_way = 0;
    std::vector<double> answer_ms;
};

void append_all(
    DiskBuffer& buffer, const std::vector<RecordBatchPtr>& kinds, size_t n, Flow& flow
) {
    for (size_t i = 0; i < n; ++i) {
        std::unique_lock lock(flow.mutex);
        flow.changed.wait(lock, [&] { return flow.under_way < kUnderWay; });
        ++flow.under_way;
        lock.unlock();
        const auto since = std::chrono::steady_clock::now();
        buffer.append(nullptr, true, {kinds[i % kinds.size()], {}}, [&flow, since](DeliveryReport) {
            const std::chrono::duration<double, std::milli> took =
                std::chrono::steady_clock::now() - since;
            const std::lock_guard guard(flow.mutex);
            flow.answer_ms.push_back(took.count());
            --flow.under_way;
            flow.changed.notify_one();
        });
    }
    std::unique_lock lock(flow.mutex);
    flow.changed.wait(lock, [&] { return flow.under_way == 0; });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print("usage: buffer_bench FOLDER [GB] [ack|os] [0|1]\n");
        return 2;
    }
    const double gigabytes = argc > 2 ? std::atof(argv[2]) : 2;
    const bool syncs = argc <= 3 || std::string(argv[3]) == "ack";
    const bool received = argc > 4 && std::string(argv[4]) == "1";
    metrics::Registry registry;
    BufferOptions options{.kind = BufferOptions::Kind::kDisk, .max_size_bytes = 16 * kGiB};
    options.sync = syncs ? BufferOptions::Sync::kAck : BufferOptions::Sync::kOs;
    DiskBuffer buffer(
        {.id = "bench", .directory = argv[1], .options = options},
        io::posix_file_system(),
        io::system_clock(),
        registry
    );
    if (const auto opened = buffer.open(); !opened) {
        fmt::print("{}\n", opened.error().message);
        return 1;
    }
    std::vector<RecordBatchPtr> kinds;
    for (uint64_t i = 0; i < 16; ++i) {
        kinds.push_back(make_batch(i + 1, received));
    }
    const size_t n = static_cast<size_t>(gigabytes * 1e9 / static_cast<double>(kBatchBytes));
    buffer.request_lease([] {});
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done || buffer.rows() > 0) {
            const auto taken = buffer.take(false);
            if (!taken) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                continue;
            }
            const auto rows = static_cast<uint32_t>(taken->view.row_count());
            buffer.settle(taken->id, DeliveryReport::delivered(rows));
        }
    });
    Flow flow;
    const double cpu_before = cpu_seconds();
    const auto since = std::chrono::steady_clock::now();
    append_all(buffer, kinds, n, flow);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
    done = true;
    reader.join();
    const double cpu = cpu_seconds() - cpu_before;
    const double raw = static_cast<double>(n) * static_cast<double>(kinds[0]->raw_bytes()) / 1e9;
    std::ranges::sort(flow.answer_ms);
    fmt::print(
        "{:.2f} GB raw, sync {}, received {}: {:.0f} MB/s, {:.2f} CPU s/GB, answer p50 {:.1f} ms, "
        "p99 {:.1f} ms\n",
        raw,
        syncs ? "ack" : "os",
        received ? 1 : 0,
        raw * 1000 / took.count(),
        cpu / raw,
        flow.answer_ms[flow.answer_ms.size() / 2],
        flow.answer_ms[flow.answer_ms.size() * 99 / 100]
    );
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// CollectorOutput -> loopback -> AgentsInput whose pipeline answers at once: what shipping costs
// both programs together without reading files or storing. One item = one record; bytes = raw line
// bytes; cpu time is the whole process's. Arguments: batch KiB, batches in flight.
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <random>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "collector/input/agents/agents_input.hpp"
#include "collector/store/log_store.hpp"
#include "common/ship/collector_output.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;

namespace {

BatchView batch_of(size_t bytes) {
    std::mt19937 random(1);
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"host", "web1"}, {"input", "app"}}));
    batch.add_position({.key = {{1, 1}, 0}, .end = bytes});
    int64_t ts = 1'767'225'600'000'000'000;
    while (batch.raw_bytes() < bytes) {
        const std::string line = fmt::format(
            "web{} app[{}]: request from 10.{}.{}.{} port {} id={:08x} took {} us, status {}",
            random() % 4,
            random() % 30000,
            random() % 256,
            random() % 256,
            random() % 256,
            1024 + random() % 60000,
            random(),
            random() % 100000,
            random() % 5 == 0 ? "cache miss, worker timeout" : "accepted, session closed"
        );
        batch.append_row({.ts = {ts++}, .origin = 0, .body = batch.arena().copy(line)});
    }
    return {std::make_shared<const RecordBatch>(std::move(batch)), {}};
}

/// Lets at most so many deliveries be without an answer.
class Slots {
  public:
    explicit Slots(size_t count) : free_(count), all_(count) {}

    void take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return free_ > 0; });
        --free_;
    }

    void give() {
        const std::lock_guard lock(mutex_);
        ++free_;
        changed_.notify_all();
    }

    void wait_all() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return free_ == all_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t free_;
    const size_t all_;
};

void ship(benchmark::State& state) {
    test::TempDir dir;
    store::MemoryLogStore store;
    metrics::Registry registry;
    collector::input::AgentsSetup server;
    server.listen = {.host = "127.0.0.1", .port = 0, .unix_path = ""};
    collector::input::AgentsInput input(server, store, io::system_clock(), registry);
    const auto answer = [](RecordBatchPtr batch) {
        const auto rows = static_cast<uint32_t>(batch->row_count());
        batch->take_ack().resolve(DeliveryReport::delivered(rows));
    };
    ship::ShipSetup client;
    if (!input.start(answer)) {
        state.SkipWithError("cannot listen");
        return;
    }
    client.endpoints = {input.local()};
    client.state_dir = dir.path();
    client.identity = *ship::load_agent_identity(io::posix_file_system(), {dir.path()});
    ship::CollectorOutput output(client, io::posix_file_system(), io::system_clock(), registry);
    if (!output.start()) {
        state.SkipWithError("cannot start");
        return;
    }
    const BatchView view = batch_of(static_cast<size_t>(state.range(0)) << 10);
    Slots slots(static_cast<size_t>(state.range(1)));
    for (auto _ : state) {
        slots.take();
        output.deliver(view, [&](DeliveryReport) { slots.give(); });
    }
    slots.wait_all();
    const auto raw = static_cast<int64_t>(view.batch->raw_bytes());
    state.SetBytesProcessed(raw * state.iterations());
    state.SetItemsProcessed(static_cast<int64_t>(view.row_count()) * state.iterations());
    output.stop(io::system_clock().steady_now());
    input.stop();
}

}  // namespace

BENCHMARK(ship)
    ->Args({1024, 8})
    ->Args({256, 32})
    ->Args({1024, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// One item is a sample of this host's metrics; the counter `series` says how many it holds.
#include <benchmark/benchmark.h>

#include "agent/hostmetrics/host_sampler.hpp"

namespace {

void sample(benchmark::State& state) {
    seyir::agent::hostmetrics::HostSampler metrics(
        seyir::io::posix_file_system(), seyir::io::system_clock()
    );
    for (auto _ : state) {
        metrics.sample();
        benchmark::DoNotOptimize(metrics.text_view().data());
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["series"] = static_cast<double>(metrics.series_count());
}

}  // namespace

BENCHMARK(sample)->Unit(benchmark::kMicrosecond);
BENCHMARK_MAIN();

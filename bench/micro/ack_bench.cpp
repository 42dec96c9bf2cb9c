// SPDX-License-Identifier: Apache-2.0
// Commits of the store on the real disk: JSON lines of about 250 bytes, as agents send them.
//   ack_bench burst [MB] [DIR]                within the stage budget, nothing sealed
//   ack_bench rate MB_A_SECOND [SECONDS] [DIR]  at a steady rate, sealing meanwhile
//   ack_bench sustained [SECONDS] [JOB_MIB] [DIR]  as fast as sealing goes, in seals of so many MiB
//                                             of lines; memory over time
// One item = one record; bytes = raw line bytes with terminator. Frames are 256 KB of lines.
// CPU time is the process's, sealing and the database's threads included, sending excluded.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/record/batch_codec.hpp"

using namespace seyir;

namespace {

using bench::cpu_seconds;

constexpr size_t kFrameRawBytes = 256 * 1024;
constexpr size_t kDistinctFrames = 96;
constexpr UnixNanos kStart{1'767'268'800'000'000'000};

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begun) {
    return std::chrono::duration<double>(SteadyClock::now() - begun).count();
}

uint64_t resident_mb() {
    uint64_t size = 0;
    uint64_t resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

double segment_bytes(const std::string& dir) {
    double bytes = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(dir + "/segments")) {
        bytes += file.is_regular_file() ? static_cast<double>(file.file_size()) : 0;
    }
    return bytes;
}

std::string json_line(std::mt19937_64& random, int64_t ms) {
    static const char* const kPaths[] = {"/api/v1/items", "/api/v1/users", "/login", "/health"};
    static const char* const kLevels[] = {"info", "info", "info", "warn", "error"};
    static const int kStatuses[] = {200, 200, 200, 204, 301, 404, 500};
    return fmt::format(
        R"({{"ts":"2026-01-01T{:02}:{:02}:{:02}.{:03}Z","level":"{}","service":"checkout",)"
        R"("request_id":"{:016x}","method":"GET","path":"{}/{}","status":{},"bytes":{},)"
        R"("duration_ms":{}.{:03},"client":"10.{}.{}.{}","msg":"request completed"}})",
        ms / 3600000 % 24,
        ms / 60000 % 60,
        ms / 1000 % 60,
        ms % 1000,
        kLevels[random() % 5],
        random(),
        kPaths[random() % 4],
        random() % 100'000,
        kStatuses[random() % 7],
        random() % 50'000,
        random() % 900,
        random() % 1000,
        random() % 256,
        random() % 256,
        random() % 256
    );
}

/// What came over the wire: rows and their payload. Used again and again under rising positions.
struct Frame {
    std::shared_ptr<RecordBatch> rows;
    EncodedBatch encoded;
};

Frame make_frame(std::mt19937_64& random, int64_t& ms) {
    auto batch = std::make_shared<RecordBatch>();
    const auto labels = StreamLabels::make({{"host", "h1"}, {"service_name", "checkout"}});
    const uint16_t stream = batch->add_stream(*labels);
    batch->add_position({.key = {{1, 1}, 0}});
    while (batch->raw_bytes() < kFrameRawBytes) {
        ms += static_cast<int64_t>(random() % 2);
        Row row;
        row.ts = {kStart.value + ms * 1'000'000};
        row.stream = stream;
        row.origin = 0;
        row.body = batch->arena().copy(json_line(random, ms));
        batch->append_row(row);
    }
    return {batch, *encode_batch({batch, {}}, PayloadCodec::kLz4)};
}

class Sender {
  public:
    explicit Sender(store::RocksStore& store) : store_(store) {
        std::mt19937_64 random(1);
        int64_t ms = 0;
        for (size_t i = 0; i < kDistinctFrames; ++i) {
            frames_.push_back(make_frame(random, ms));
        }
    }

    /// Waits until fewer than `in_flight_max` are under way, then appends one.
    void send(int in_flight_max, SteadyClock::time_point due) {
        const Frame& frame = frames_[next_++ % frames_.size()];
        auto batch = std::make_shared<RecordBatch>(clone_rows({frame.rows, {}}));
        batch->position(0) = {.key = {{1, 1}, 0}, .begin = at_, .end = at_ + batch->raw_bytes()};
        at_ += batch->raw_bytes();
        batch->set_provenance({.agent = agent_, .epoch = 0, .push_hash = {}});
        batch->set_encoded(frame.encoded);
        raw_bytes += frame.rows->raw_bytes();
        rows += frame.rows->row_count();
        std::unique_lock lock(mutex_);
        answered_.wait(lock, [&] { return in_flight_ < in_flight_max; });
        ++in_flight_;
        lock.unlock();
        const auto begun = std::max(due, SteadyClock::time_point{}) == SteadyClock::time_point{}
                               ? SteadyClock::now()
                               : due;
        const double cpu_before = cpu_seconds(RUSAGE_THREAD);
        store_.append({0, {std::move(batch), {}}}, [this, begun](Result<store::Durable> durable) {
            if (!durable || !durable->lanes.empty()) {
                fmt::print(stderr, "not stored: {}\n", durable ? "lane" : durable.error().message);
                std::_Exit(1);
            }
            const std::lock_guard guard(mutex_);
            latencies_ms.push_back(seconds_since(begun) * 1000);
            --in_flight_;
            answered_.notify_all();
        });
        append_cpu += cpu_seconds(RUSAGE_THREAD) - cpu_before;
    }

    void wait() {
        std::unique_lock lock(mutex_);
        answered_.wait(lock, [&] { return in_flight_ == 0; });
    }

    uint64_t raw_bytes = 0;
    uint64_t rows = 0;
    double append_cpu = 0;  ///< of append() on this thread
    std::vector<double> latencies_ms;

  private:
    store::RocksStore& store_;
    std::vector<Frame> frames_;
    size_t next_ = 0;
    AgentId agent_ = AgentId::random();
    uint64_t at_ = 0;
    std::mutex mutex_;
    std::condition_variable answered_;
    int in_flight_ = 0;
};

/// CPU time of the process without that of the sending thread, but for its append().
class Cpu {
  public:
    Cpu() : all_(cpu_seconds()), own_(cpu_seconds(RUSAGE_THREAD)) {}

    double seconds(const Sender& sender) const {
        return cpu_seconds() - all_ - (cpu_seconds(RUSAGE_THREAD) - own_) + sender.append_cpu;
    }

  private:
    double all_;
    double own_;
};

double quantile(std::vector<double> values, double q) {
    std::ranges::sort(values);
    const auto at = static_cast<size_t>(q * static_cast<double>(values.size()));
    return values.empty() ? 0 : values[std::min(values.size() - 1, at)];
}

std::unique_ptr<store::RocksStore> open(
    const std::string& dir, bool seals, uint64_t seal_job_mib = 0
) {
    store::RocksStoreOptions options;
    options.data_dir = dir;
    options.seal_job_raw_bytes =
        seal_job_mib > 0 ? seal_job_mib * kMiB : options.seal_job_raw_bytes;
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    if (!seals) {
        options.seal_bytes = UINT64_MAX;
        options.small_batches_max = UINT64_MAX;
    }
    auto opened = store::RocksStore::open(options);
    if (!opened) {
        fmt::print(stderr, "{}\n", opened.error().message);
        std::exit(1);
    }
    return std::move(*opened);
}

void report(std::string_view what, const Sender& sender, double seconds, double cpu) {
    const auto rows = static_cast<double>(sender.rows);
    const auto gigabytes = static_cast<double>(sender.raw_bytes) / 1e9;
    fmt::print(
        "{}: {:.2f} M records of {:.0f} B in {:.2f} s: {:.2f} M/s, {:.0f} MB/s; CPU {:.2f} s/GB, "
        "{:.2f} M records a CPU second; ack p50 {:.1f}, p99 {:.1f}, max {:.1f} ms\n",
        what,
        rows / 1e6,
        gigabytes * 1e9 / rows,
        seconds,
        rows / 1e6 / seconds,
        gigabytes * 1000 / seconds,
        cpu / gigabytes,
        rows / 1e6 / cpu,
        quantile(sender.latencies_ms, 0.5),
        quantile(sender.latencies_ms, 0.99),
        quantile(sender.latencies_ms, 1)
    );
}

void burst(const std::string& dir, uint64_t megabytes) {
    const auto store = open(dir, false);
    for (const int in_flight : {4, 32, 128}) {
        Sender sender(*store);
        const Cpu cpu;
        const auto begun = SteadyClock::now();
        while (sender.raw_bytes < megabytes * 1'000'000 / 3) {
            sender.send(in_flight, {});
        }
        sender.wait();
        report(
            fmt::format("burst, {} frames under way", in_flight),
            sender,
            seconds_since(begun),
            cpu.seconds(sender)
        );
    }
}

void rate(const std::string& dir, uint64_t megabytes_a_second, uint64_t seconds) {
    const auto store = open(dir, true);
    Sender sender(*store);
    const Cpu cpu;
    const auto begun = SteadyClock::now();
    while (seconds_since(begun) < static_cast<double>(seconds)) {
        const auto due =
            begun + std::chrono::nanoseconds(sender.raw_bytes * 1000 / megabytes_a_second);
        std::this_thread::sleep_until(due);
        sender.send(1024, due);
    }
    sender.wait();
    report(
        fmt::format("{} MB/s offered", megabytes_a_second),
        sender,
        seconds_since(begun),
        cpu.seconds(sender)
    );
}

void sustained(const std::string& dir, uint64_t seconds, uint64_t seal_job_mib) {
    const auto store = open(dir, true, seal_job_mib);
    Sender sender(*store);
    const Cpu cpu;
    const auto begun = SteadyClock::now();
    double next_line = 10;
    while (seconds_since(begun) < static_cast<double>(seconds)) {
        sender.send(32, {});
        if (seconds_since(begun) >= next_line) {
            const auto stats = store->stats();
            fmt::print(
                "{:4.0f} s: {:.1f} M records, {} MB staged, {} segments, {} MB resident\n",
                next_line,
                static_cast<double>(sender.rows) / 1e6,
                stats.stage_bytes / 1'000'000,
                stats.segments,
                resident_mb()
            );
            std::fflush(stdout);
            next_line += 10;
        }
    }
    sender.wait();
    if (const auto sealed = store->seal(store::SealScope::kAll); !sealed) {
        fmt::print(stderr, "{}\n", sealed.error().message);
        std::exit(1);
    }
    report("acknowledged and sealed", sender, seconds_since(begun), cpu.seconds(sender));
    const auto stats = store->stats();
    fmt::print(
        "{:.1f} bytes a record in {} segments, {:.1f} with the database\n",
        segment_bytes(dir) / static_cast<double>(stats.records),
        stats.segments,
        static_cast<double>(stats.disk_bytes) / static_cast<double>(stats.records)
    );
}

}  // namespace

int main(int argc, char** argv) {
    log::set_level(log::Level::kError);
    const std::string_view mode = argc > 1 ? argv[1] : "burst";
    std::vector<uint64_t> numbers;
    std::string dir = std::filesystem::temp_directory_path().string();
    for (int i = 2; i < argc; ++i) {
        const uint64_t number = std::strtoull(argv[i], nullptr, 10);
        number > 0 ? numbers.push_back(number) : void(dir = argv[i]);
    }
    const auto number = [&](size_t i, uint64_t otherwise) {
        return i < numbers.size() ? numbers[i] : otherwise;
    };
    dir += "/seyir-ack-bench-XXXXXX";
    if (mkdtemp(dir.data()) == nullptr) {
        fmt::print(stderr, "cannot make {}\n", dir);
        return 1;
    }
    if (mode == "burst") {
        burst(dir, number(0, 1000));
    } else if (mode == "rate") {
        rate(dir, number(0, 20), number(1, 20));
    } else if (mode == "sustained") {
        sustained(dir, number(0, 60), number(1, 0));
    } else {
        fmt::print(stderr, "ack_bench burst|rate|sustained [NUMBER...] [DIR]\n");
    }
    std::filesystem::remove_all(dir);
    return 0;
}

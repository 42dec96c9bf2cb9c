// SPDX-License-Identifier: Apache-2.0
// The store alone, on the real disk. A program and not Google Benchmark, because what counts is a
// long run with its latencies, its sealing and its CPU time.
//   store_bench append [MB] [DIR]            raw bytes acknowledged a second, then sealed
//   store_bench catalogue [SEGMENTS] [DIR]   open time and ack latency, empty against full
//   store_bench drop [SEGMENTS] [DIR]        dropping days of so many segments while appends go on
// One item = one record of about 120 bytes; bytes = raw line bytes with terminator.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "collector/store/disk/database.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/record/batch_codec.hpp"

using namespace seyir;

namespace {

using bench::cpu_seconds;

constexpr size_t kFrameRawBytes = 256 * 1024;
constexpr int kInFlightMax = 32;
constexpr UnixNanos kStart{1'767'268'800'000'000'000};

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begun) {
    return std::chrono::duration<double>(SteadyClock::now() - begun).count();
}

std::string line_at(std::mt19937& random, int64_t ms) {
    static const char* const kWords[] = {
        "accepted", "closed", "session", "worker", "request", "cache", "timeout"
    };
    return fmt::format(
        "2026-01-01T{:02}:{:02}:{:02}.{:03}Z web{} app[{}]: {} {} from 10.{}.{}.{} port {} "
        "id={:08x} "
        "took {} us",
        ms / 3600000 % 24,
        ms / 60000 % 60,
        ms / 1000 % 60,
        ms % 1000,
        random() % 4,
        random() % 30000,
        kWords[random() % 7],
        kWords[random() % 7],
        random() % 256,
        random() % 256,
        random() % 256,
        1024 + random() % 60000,
        random(),
        random() % 100000
    );
}

/// What a frame is behind the wire: rows and the payload as received.
std::shared_ptr<RecordBatch> make_rows(std::mt19937& random, int64_t& ms, UnixNanos start) {
    auto batch = std::make_shared<RecordBatch>();
    const auto labels = StreamLabels::make(
        {{"host", fmt::format("h{}", random() % 4)}, {"input", "app"}, {"service_name", "web"}}
    );
    const uint16_t stream = batch->add_stream(*labels);
    batch->add_position({.key = {{1, 1}, 0}});
    while (batch->raw_bytes() < kFrameRawBytes) {
        ms += random() % 40;
        Row row;
        row.ts = {start.value + ms * 1'000'000};
        row.stream = stream;
        row.origin = 0;
        row.body = batch->arena().copy(line_at(random, ms));
        batch->append_row(row);
    }
    return batch;
}

/// Hands the same few batches in again under rising positions, as a fast agent would.
class Sender {
  public:
    explicit Sender(store::RocksStore& store) : store_(store) {
        std::mt19937 random(1);
        int64_t ms = 0;
        for (int i = 0; i < 64; ++i) {
            rows_.push_back(make_rows(random, ms, kStart));
        }
    }

    uint64_t raw_bytes_of(size_t i) const { return rows_[i % rows_.size()]->raw_bytes(); }

    void send(size_t i) {
        const auto& rows = rows_[i % rows_.size()];
        auto batch = std::make_shared<RecordBatch>(clone_rows({rows, {}}));
        batch->position(0) = {.key = {{1, 1}, 0}, .begin = at_, .end = at_ + rows->raw_bytes()};
        at_ += rows->raw_bytes();
        batch->set_provenance({.agent = agent_, .epoch = 0, .push_hash = {}});
        batch->set_encoded(*encode_batch({batch, {}}, PayloadCodec::kLz4));
        ready_.push_back(std::move(batch));
    }

    /// Appends everything prepared; latencies in milliseconds, one a frame.
    std::vector<double> run(int in_flight_max) {
        std::vector<double> latencies(ready_.size());
        std::mutex mutex;
        std::condition_variable answered;
        int in_flight = 0;
        for (size_t i = 0; i < ready_.size(); ++i) {
            std::unique_lock lock(mutex);
            answered.wait(lock, [&] { return in_flight < in_flight_max; });
            ++in_flight;
            lock.unlock();
            const auto begun = SteadyClock::now();
            store_.append(
                {0, {std::move(ready_[i]), {}}},
                [&, i, begun](Result<store::Durable> durable) {
                    if (!durable || !durable->lanes.empty()) {
                        fmt::print(
                            stderr, "not stored: {}\n", durable ? "lane" : durable.error().message
                        );
                        std::exit(1);
                    }
                    latencies[i] = seconds_since(begun) * 1000;
                    const std::lock_guard guard(mutex);
                    --in_flight;
                    answered.notify_one();
                }
            );
        }
        std::unique_lock lock(mutex);
        answered.wait(lock, [&] { return in_flight == 0; });
        ready_.clear();
        return latencies;
    }

  private:
    store::RocksStore& store_;
    std::vector<std::shared_ptr<RecordBatch>> rows_;
    std::vector<std::shared_ptr<RecordBatch>> ready_;
    AgentId agent_ = AgentId::random();
    uint64_t at_ = 0;
};

double quantile(std::vector<double> values, double q) {
    std::ranges::sort(values);
    return values[std::min(
        values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size()))
    )];
}

std::unique_ptr<store::RocksStore> open(const std::string& dir) {
    store::RocksStoreOptions options;
    options.data_dir = dir;
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    auto opened = store::RocksStore::open(options);
    if (!opened) {
        fmt::print(stderr, "{}\n", opened.error().message);
        std::exit(1);
    }
    return std::move(*opened);
}

void bench_append(const std::string& dir, uint64_t megabytes) {
    auto store = open(dir);
    Sender sender(*store);
    double seconds = 0;
    double cpu = 0;
    uint64_t raw = 0;
    std::vector<double> latencies;
    // Frames are prepared in stretches, outside the measured time.
    for (size_t frame = 0; raw < megabytes * 1'000'000;) {
        for (int i = 0; i < 256; ++i) {
            raw += sender.raw_bytes_of(frame);
            sender.send(frame++);
        }
        const double cpu_before = cpu_seconds();
        const auto begun = SteadyClock::now();
        const auto some = sender.run(kInFlightMax);
        seconds += seconds_since(begun);
        cpu += cpu_seconds() - cpu_before;
        latencies.insert(latencies.end(), some.begin(), some.end());
    }
    const double gigabytes = static_cast<double>(raw) / 1e9;
    fmt::print(
        "append: {:.0f} MB raw, {:.0f} MB/s acknowledged, {:.2f} CPU s/GB (sealing in the "
        "background "
        "included), ack p50 {:.1f} ms, p99 {:.1f} ms\n",
        gigabytes * 1000,
        gigabytes * 1000 / seconds,
        cpu / gigabytes,
        quantile(latencies, 0.5),
        quantile(latencies, 0.99)
    );
    const double cpu_before = cpu_seconds();
    const auto begun = SteadyClock::now();
    const auto before = store->stats();
    if (auto sealed = store->seal(store::SealScope::kAll); !sealed) {
        fmt::print(stderr, "{}\n", sealed.error().message);
        std::exit(1);
    }
    const auto after = store->stats();
    fmt::print(
        "seal of the {:.0f} MB payload still staged: {:.2f} s, {:.2f} CPU s; {} records in {} "
        "segments, "
        "{:.1f} bytes a record on disk\n",
        static_cast<double>(before.stage_bytes) / 1e6,
        seconds_since(begun),
        cpu_seconds() - cpu_before,
        after.records,
        after.segments,
        static_cast<double>(after.disk_bytes) / static_cast<double>(after.records)
    );
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print("peak RSS of the program: {} MB\n", usage.ru_maxrss / 1024);
}

/// One real segment, and what the catalogue says of it.
struct Model {
    store::SegmentSummary segment;
    std::vector<std::string> blocks;
};

void write_one_segment(const std::string& dir) {
    auto store = open(dir);
    Sender sender(*store);
    for (size_t i = 0; i < 120; ++i) {
        sender.send(i);
    }
    (void)sender.run(kInFlightMax);
    (void)store->seal(store::SealScope::kAll);
}

Model read_model(const std::shared_ptr<store::Database>& database, store::Day day) {
    using namespace store;
    Model model;
    const std::string prefix = key::segment_prefix(day);
    (void)database->scan(
        Family::kCatalogue,
        prefix,
        key::prefix_end(prefix),
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            model.segment = *decode_segment(day, *key::parse_segment(bytes), value);
            return false;
        }
    );
    const std::string blocks = key::block_prefix(day, model.segment.id);
    (void)database->scan(
        Family::kCatalogue,
        blocks,
        key::prefix_end(blocks),
        [&](std::string_view, std::string_view value) -> Result<bool> {
            model.blocks.emplace_back(value);
            return true;
        }
    );
    return model;
}

enum class Files : uint8_t { kLinks, kCopies };

/// Puts `count` segments into the catalogue: one real file again and again, over `days` days.
void fill_catalogue(const std::string& dir, uint64_t count, int days, Files files) {
    using namespace store;
    write_one_segment(dir);
    auto database = Database::open(
        {.path = dir + "/db",
         .env = nullptr,
         .memtable_bytes = 64 * kMiB,
         .wal_bytes_max = 64 * kMiB}
    );
    if (!database) {
        fmt::print(stderr, "{}\n", database.error().message);
        std::exit(1);
    }
    const Day first = day_of(kStart);
    const Model model = read_model(*database, first);
    const std::string segments = dir + "/segments";
    uint64_t id = 1000;
    for (int day = 1; day <= days && count > 0; ++day) {
        const Day at{first.number - day};
        std::filesystem::create_directories(segments + "/" + at.folder());
        DayTotals totals;
        WriteSet set = (*database)->new_write();
        for (uint64_t i = 0; i < count / static_cast<uint64_t>(days); ++i, ++id) {
            SegmentSummary segment = model.segment;
            segment.day = at;
            segment.id = id;
            segment.min_ts = segment.min_ts - Nanos(kDayNanos * day);
            segment.max_ts = segment.max_ts - Nanos(kDayNanos * day);
            const std::string from = segment_path(segments, first, model.segment.id);
            const std::string to = segment_path(segments, at, id);
            files == Files::kLinks ? std::filesystem::create_hard_link(from, to)
                                   : void(std::filesystem::copy_file(from, to));
            set.put(Family::kCatalogue, key::segment(at, id), encode(segment));
            for (uint32_t block = 0; block < model.blocks.size(); ++block) {
                set.put(Family::kCatalogue, key::block(at, id, block), model.blocks[block]);
            }
            add(totals, segment);
        }
        set.put(Family::kCatalogue, key::day_totals(at), encode(totals));
        set.put(Family::kMeta, key::kNextSegment, encode_u64(id + 1));
        (void)(*database)->write(std::move(set));
    }
    (void)(*database)->flush();
}

void measure_open_and_ack(std::string_view what, const std::string& dir) {
    std::vector<double> opens;
    for (int i = 0; i < 9; ++i) {
        const auto begun = SteadyClock::now();
        auto store = open(dir);
        opens.push_back(seconds_since(begun) * 1000);
    }
    auto store = open(dir);
    Sender sender(*store);
    for (size_t i = 0; i < 400; ++i) {
        sender.send(i);
    }
    const auto latencies = sender.run(4);
    const auto begun = SteadyClock::now();
    auto cursor = store->select({});
    for (int i = 0; i < 5 && cursor; ++i) {
        (void)(*cursor)->next();
    }
    fmt::print(
        "{}: {} segments; open p50 {:.1f} ms; ack p50 {:.2f} ms, p99 {:.2f} ms; first 5 pages of a "
        "query {:.1f} ms\n",
        what,
        store->stats().segments,
        quantile(opens, 0.5),
        quantile(latencies, 0.5),
        quantile(latencies, 0.99),
        seconds_since(begun) * 1000
    );
}

void bench_catalogue(const std::string& dir, uint64_t segments) {
    // Both have had one agent write once, so that their logs are alike.
    fill_catalogue(dir + "/empty", 0, 40, Files::kLinks);
    fill_catalogue(dir + "/full", segments, 40, Files::kLinks);
    for (int round = 0; round < 2; ++round) {
        measure_open_and_ack("empty", dir + "/empty");
        measure_open_and_ack("full", dir + "/full");
    }
}

/// Appends at a steady rate while `meanwhile` says that it goes on; latencies in milliseconds.
std::vector<double> append_while(
    Sender& sender, size_t& frame, int frames_a_second, const std::function<bool()>& meanwhile
) {
    std::vector<double> out;
    const auto begun = SteadyClock::now();
    for (int i = 0; meanwhile(); ++i) {
        std::this_thread::sleep_until(
            begun + std::chrono::microseconds(1'000'000) * i / frames_a_second
        );
        sender.send(frame++);
        const auto one = sender.run(1);
        out.insert(out.end(), one.begin(), one.end());
    }
    return out;
}

void print_acks(std::string_view when, const std::vector<double>& latencies) {
    fmt::print(
        "{}: {} frames, ack p50 {:.1f}, p99 {:.1f}, max {:.1f} ms\n",
        when,
        latencies.size(),
        quantile(latencies, 0.5),
        quantile(latencies, 0.99),
        quantile(latencies, 1)
    );
}

void bench_drop(const std::string& dir, uint64_t segments_a_day) {
    constexpr int kDays = 10;
    constexpr int kFramesASecond = 80;  // 20 MB/s
    constexpr auto kBetween = std::chrono::milliseconds(1000);
    fill_catalogue(dir, segments_a_day * kDays, kDays, Files::kCopies);
    const auto opened = open(dir);
    Sender sender(*opened);
    size_t frame = 0;
    const auto acks = [&](const std::function<bool()>& meanwhile) {
        return append_while(sender, frame, kFramesASecond, meanwhile);
    };
    const auto end = [](std::chrono::milliseconds after) {
        return [until = SteadyClock::now() + after] { return SteadyClock::now() < until; };
    };
    (void)acks(end(kBetween));
    print_acks("before", acks(end(kDays * kBetween)));
    std::atomic<bool> is_dropping = true;
    std::vector<double> drops_ms;
    std::vector<double> cpu_ms;
    std::thread dropper([&] {
        const auto due =
            opened->due({.now = kStart, .retention = Nanos(store::kDayNanos / 2)}, true);
        for (size_t i = 0; due && i < due->dropped.size(); ++i) {
            std::this_thread::sleep_for(kBetween);
            const double cpu = cpu_seconds();
            const auto begun = SteadyClock::now();
            const auto dropped = opened->drop({due->dropped[i]}, UnixNanos::min(), true);
            drops_ms.push_back(seconds_since(begun) * 1000);
            cpu_ms.push_back((cpu_seconds() - cpu) * 1000);
            if (!dropped) {
                fmt::print(stderr, "{}\n", dropped.error().message);
            }
        }
        is_dropping = false;
    });
    const auto during = acks([&] { return is_dropping.load(); });
    dropper.join();
    print_acks("while a day is dropped each second", during);
    (void)acks(end(kBetween));
    print_acks("after", acks(end(kDays * kBetween)));
    if (drops_ms.size() < kDays) {
        fmt::print(stderr, "only {} days were dropped\n", drops_ms.size());
        return;
    }
    fmt::print(
        "drop of a day of {} segments, {} times: p50 {:.1f} ms, max {:.1f} ms; CPU of the process "
        "meanwhile p50 {:.1f} ms; {} segments left\n",
        segments_a_day,
        drops_ms.size(),
        quantile(drops_ms, 0.5),
        quantile(drops_ms, 1),
        quantile(cpu_ms, 0.5),
        opened->stats().segments
    );
}

}  // namespace

int main(int argc, char** argv) {
    log::set_level(log::Level::kError);
    const std::string_view mode = argc > 1 ? argv[1] : "append";
    const uint64_t amount = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
    std::string dir = argc > 3 ? argv[3] : std::filesystem::temp_directory_path().string();
    dir += "/seyir-store-bench-XXXXXX";
    if (mkdtemp(dir.data()) == nullptr) {
        fmt::print(stderr, "cannot make {}\n", dir);
        return 1;
    }
    if (mode == "append") {
        bench_append(dir, amount == 0 ? 1000 : amount);
    } else if (mode == "catalogue") {
        bench_catalogue(dir, amount == 0 ? 20'000 : amount);
    } else if (mode == "drop") {
        bench_drop(dir, amount == 0 ? 200 : amount);
    } else {
        fmt::print(stderr, "store_bench append|catalogue|drop [AMOUNT] [DIR]\n");
    }
    std::filesystem::remove_all(dir);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// kill -9 of a process that writes to a store on the real file system, with sealing in the
// background, again and again; after each the parent opens the store and compares.
//   store_kill [--rounds N] [--seed N]     SEYIR_KILL_ROUNDS=N is what ./dev soak sets
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/record/batch_codec.hpp"
#include "test/support/eventually.hpp"

namespace seyir::sim {
namespace {

constexpr uint64_t kLanes = 4;
constexpr uint64_t kRoundsOfOneStore = 25;
constexpr AgentId kAgent{1, 1};

store::RocksStoreOptions options_for(const std::string& dir) {
    store::RocksStoreOptions options;
    options.data_dir = dir;
    options.seal_bytes = 256 * kKiB;
    options.block_raw_bytes = 64 * kKiB;
    options.memtable_bytes = 2 * kMiB;
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    return options;
}

SourceKey lane_key(uint64_t lane) {
    return {{9, lane}, 0};
}

/// The line at a position: a function of the position, so that the parent knows it too.
std::string line_at(uint64_t lane, uint64_t begin) {
    std::mt19937_64 random(lane * 1'000'003 + begin);
    std::string line = fmt::format("{}@{} ", lane, begin);
    for (uint64_t i = random() % 12; i > 0; --i) {
        line += fmt::format("{:x}", random());
    }
    return line;
}

RecordBatchPtr frame(uint64_t lane, uint64_t& at, size_t lines) {
    auto batch = std::make_shared<RecordBatch>();
    const auto labels = StreamLabels::make({{"input", fmt::format("i{}", lane)}});
    const uint16_t stream = batch->add_stream(*labels);
    const uint16_t origin = batch->add_position({.key = lane_key(lane), .begin = at, .end = at});
    for (size_t i = 0; i < lines; ++i) {
        const std::string line = line_at(lane, at);
        Row row;
        row.ts = {1'767'268'800'000'000'000 + static_cast<int64_t>(at)};
        row.stream = stream;
        row.origin = origin;
        row.body = batch->arena().copy(line);
        batch->append_row(row);
        at += line.size() + 1;
    }
    batch->position(origin).end = at;
    batch->set_provenance({.agent = kAgent, .epoch = UINT32_MAX, .push_hash = {}});
    return batch;
}

/// The child: appends for ever; after each ack writes "lane end\n" to `pipe`.
int write_for_ever(const std::string& dir, int pipe) {
    auto opened = store::RocksStore::open(options_for(dir));
    if (!opened) {
        fmt::print(stderr, "child: {}\n", opened.error().message);
        return 1;
    }
    store::RocksStore& store = **opened;
    std::vector<uint64_t> at(kLanes, 0);
    for (uint64_t lane = 0; lane < kLanes; ++lane) {
        const auto known = store.committed(TenantId::kDefault, kAgent, 0, {lane_key(lane)});
        at[lane] = known && !known->empty() ? known->front().committed : 0;
    }
    std::atomic<int> in_flight = 0;
    for (uint64_t round = 0;; ++round) {
        const uint64_t lane = round % kLanes;
        const auto batch = frame(lane, at[lane], 1 + round % 50);
        const uint64_t end = at[lane];
        ++in_flight;
        store.append({0, {batch, {}}}, [&, lane, end](Result<store::Durable> durable) {
            if (durable && durable->lanes.empty()) {
                const std::string line = fmt::format("{} {}\n", lane, end);
                (void)!::write(pipe, line.data(), line.size());
            }
            --in_flight;
        });
        while (in_flight > 16) {
            ::usleep(50);
        }
    }
}

void read_acks(const std::string& text, std::map<uint64_t, uint64_t>& acked) {
    size_t from = 0;
    for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', from)) {
        unsigned long lane = 0;
        unsigned long end = 0;
        if (std::sscanf(text.c_str() + from, "%lu %lu", &lane, &end) == 2) {
            acked[lane] = std::max<uint64_t>(acked[lane], end);
        }
        from = at + 1;
    }
}

/// Runs a child for a while and kills it; false when it died by itself.
bool run_and_kill(const std::string& dir, int milliseconds, std::map<uint64_t, uint64_t>& acked) {
    int ends[2];
    if (::pipe(ends) != 0) {
        return false;
    }
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        ::execl(
            "/proc/self/exe",
            "store_kill",
            "--child",
            dir.c_str(),
            std::to_string(ends[1]).c_str(),
            static_cast<char*>(nullptr)
        );
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string text;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    bool is_alive = true;
    char buffer[65536];
    while (std::chrono::steady_clock::now() < until && is_alive) {
        pollfd ready{ends[0], POLLIN, 0};
        if (::poll(&ready, 1, 5) > 0) {
            const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
            is_alive = got > 0;
            text.append(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
        }
    }
    ::kill(child, SIGKILL);
    for (ssize_t got = 1; got > 0;) {
        got = ::read(ends[0], buffer, sizeof buffer);
        text.append(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    }
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    read_acks(text, acked);
    return is_alive;
}

/// A file for each segment of the catalogue and no other; the sealer's thread removes leftovers and
/// may be writing a segment.
std::string compare_files(const std::string& dir, store::RocksStore& store) {
    std::string wrong;
    const auto is_right = [&] {
        uint64_t files = 0;
        std::error_code error;
        const auto folder = std::filesystem::recursive_directory_iterator(dir + "/segments", error);
        for (const auto& entry : folder) {
            files += entry.path().extension() == ".sst" || entry.path().extension() == ".tmp";
        }
        const uint64_t known = store.stats().segments;
        wrong = fmt::format("{} segment files, the catalogue knows {}", files, known);
        return files == known;
    };
    return test::eventually(is_right) ? "" : wrong;
}

std::string compare(
    const std::string& dir, const std::map<uint64_t, uint64_t>& acked, size_t& rows
) {
    auto opened = store::RocksStore::open(options_for(dir));
    if (!opened) {
        return opened.error().message;
    }
    std::map<std::string, int> found;
    auto cursor = (*opened)->select({});
    if (!cursor) {
        return cursor.error().message;
    }
    while (true) {
        auto page = (*cursor)->next();
        if (!page) {
            return page.error().message;
        }
        if (!page->has_value()) {
            break;
        }
        for_each_row({(*page)->batch, (*page)->rows}, [&](uint32_t i) {
            ++found[std::string((*page)->batch->body(i))];
        });
    }
    if ((*cursor)->stats().blocks_corrupt > 0) {
        return "a block cannot be read";
    }
    rows = found.size();
    size_t expected = 0;
    for (uint64_t lane = 0; lane < kLanes; ++lane) {
        const auto known = (*opened)->committed(TenantId::kDefault, kAgent, 0, {lane_key(lane)});
        const uint64_t end = known && !known->empty() ? known->front().committed : 0;
        const auto at_least = acked.find(lane);
        if (at_least != acked.end() && end < at_least->second) {
            return fmt::format(
                "lane {}: acknowledged {}, committed {}", lane, at_least->second, end
            );
        }
        for (uint64_t at = 0; at < end; ++expected) {
            const std::string line = line_at(lane, at);
            const auto times = found.find(line);
            if (times == found.end() || times->second != 1) {
                return fmt::format(
                    "\"{}\" is stored {} times", line, times == found.end() ? 0 : times->second
                );
            }
            at += line.size() + 1;
        }
    }
    if (expected != found.size()) {
        return "rows beyond the committed positions";
    }
    const store::StoreStats stats = (*opened)->stats();
    if (stats.records != expected) {
        return fmt::format("stage and segments count {} rows of {}", stats.records, expected);
    }
    return compare_files(dir, **opened);
}

std::string make_dir() {
    const char* parent = std::getenv("TMPDIR");
    std::string dir = std::string(parent != nullptr ? parent : "/tmp") + "/seyir-store-kill-XXXXXX";
    return ::mkdtemp(dir.data()) == nullptr ? "" : dir;
}

/// Lives of one store; the first broken promise, in words.
std::string run_store(uint64_t rounds, std::mt19937_64& random, uint64_t& rows_total) {
    const std::string dir = make_dir();
    if (dir.empty()) {
        return "cannot make a folder";
    }
    std::map<uint64_t, uint64_t> acked;
    std::string broken;
    size_t rows = 0;
    for (uint64_t round = 0; round < rounds && broken.empty(); ++round) {
        if (!run_and_kill(dir, static_cast<int>(30 + random() % 400), acked)) {
            broken = "the writer died by itself";
            break;
        }
        broken = compare(dir, acked, rows);
    }
    std::filesystem::remove_all(dir);
    rows_total += rows;
    return broken;
}

int run(uint64_t rounds, uint64_t seed) {
    fmt::print("seed {}\n", seed);
    std::mt19937_64 random(seed);
    uint64_t rows = 0;
    // All rows are compared after each kill: a store that only grows would slow the campaign down.
    for (uint64_t done = 0; done < rounds; done += kRoundsOfOneStore) {
        const uint64_t now = std::min(kRoundsOfOneStore, rounds - done);
        if (const std::string broken = run_store(now, random, rows); !broken.empty()) {
            fmt::print(stderr, "seed {}: {}\n", seed, broken);
            return 1;
        }
    }
    fmt::print("{} kills survived, {} rows stored exactly once\n", rounds, rows);
    return rows > 0 ? 0 : 1;
}

}  // namespace
}  // namespace seyir::sim

int main(int argc, char** argv) {
    using namespace seyir;
    log::set_level(log::Level::kError);
    if (argc == 4 && std::string_view(argv[1]) == "--child") {
        return sim::write_for_ever(argv[2], std::atoi(argv[3]));
    }
    const char* from_soak = std::getenv("SEYIR_KILL_ROUNDS");
    uint64_t rounds = from_soak != nullptr ? std::strtoull(from_soak, nullptr, 10) : 12;
    uint64_t seed = std::random_device()();
    for (int i = 1; i + 1 < argc; i += 2) {
        const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
        (std::string_view(argv[i]) == "--rounds" ? rounds : seed) = value;
    }
    return sim::run(rounds, seed);
}

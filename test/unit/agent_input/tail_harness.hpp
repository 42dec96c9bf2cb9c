// SPDX-License-Identifier: Apache-2.0
// A directory of log files, a TailReader over it and a store that keeps the rules of the wire
// (docs/format/wire.md): all on one thread and with a clock that moves only when told.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/tail/tail_reader.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::agent::input {

namespace stdfs = std::filesystem;

class TempDir {
  public:
    explicit TempDir(const stdfs::path& in = stdfs::temp_directory_path()) {
        std::string pattern = (in / "seyir-tail-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    ~TempDir() { stdfs::remove_all(path_); }

    std::string at(const std::string& name) const { return path_ + "/" + name; }

    void append(const std::string& name, std::string_view bytes) const {
        std::ofstream(at(name), std::ios::app | std::ios::binary) << bytes;
    }

    void write(const std::string& name, std::string_view bytes) const {
        std::ofstream(at(name), std::ios::trunc | std::ios::binary) << bytes;
    }

    /// Until the file system's clock has moved on: times of what follows are later.
    void await_tick() const {
        write("tick", "");
        const auto before = stdfs::last_write_time(at("tick"));
        for (int i = 0; i < 100'000'000 && stdfs::last_write_time(at("tick")) == before; ++i) {
            write("tick", "");
        }
    }

    void rename(const std::string& from, const std::string& to) const {
        stdfs::rename(at(from), at(to));
    }

    void copy(const std::string& from, const std::string& to) const {
        stdfs::copy_file(at(from), at(to), stdfs::copy_options::overwrite_existing);
    }

    void remove(const std::string& name) const { stdfs::remove(at(name)); }

  private:
    std::string path_;
};

/// Where a sync costs nothing: what is tested here is what was written, not the disk.
inline stdfs::path memory_directory() {
    const stdfs::path shm = "/dev/shm";
    return ::access(shm.c_str(), W_OK) == 0 ? shm : stdfs::temp_directory_path();
}

/// What one collector has; a copy of it is a backup.
struct StoreState {
    struct Line {
        std::string filename;
        std::string body;
        UnixNanos ts;
    };

    struct Lane {
        uint64_t committed = 0;
        uint64_t tail_hash = 0;
    };

    StoreId id = StoreId::random();
    uint32_t restore_generation = 0;
    std::map<std::pair<AgentId, SourceKey>, Lane> lanes;
    std::vector<Line> lines;
    uint64_t skipped_bytes = 0;

    std::vector<std::string> bodies() const {
        std::vector<std::string> out;
        for (const Line& line : lines) {
            out.push_back(line.body);
        }
        return out;
    }
};

class FakeCollector final : public pipeline::PositionSource {
  public:
    /// Takes a batch in as the wire's rules say and answers, unless told to hold answers back.
    void deliver(const RecordBatchPtr& batch) {
        ++batches;
        AckToken token = batch->take_ack();
        if (hold) {
            held.emplace_back(batch, std::move(token));
            return;
        }
        if (fail_next > 0) {
            --fail_next;
            token.resolve(DeliveryReport::retry("told to fail"));
            return;
        }
        token.resolve(store_batch(*batch));
    }

    void release_held() {
        hold = false;
        for (auto& [batch, token] : std::exchange(held, {})) {
            token.resolve(store_batch(*batch));
        }
    }

    void drop_held() { held.clear(); }

    DeliveryReport store_batch(const RecordBatch& batch) {
        DeliveryReport report;
        std::vector<bool> stored;
        for (const SourcePosition& position : batch.positions()) {
            const auto key = std::pair(agent, position.key);
            const auto known = state.lanes.find(key);
            StoreState::Lane lane = known == state.lanes.end() ? StoreState::Lane{} : known->second;
            const bool jumps = position.lane_start && position.begin > lane.committed;
            const bool joins = position.begin == lane.committed || jumps;
            stored.push_back(joins);
            if (joins) {
                state.skipped_bytes += position.begin - lane.committed;
                state.lanes[key] = {position.end, position.tail_hash};
                continue;
            }
            LaneVerdict verdict{
                position.key, LaneVerdict::Kind::kDuplicate, lane.committed, lane.tail_hash
            };
            if (position.end > lane.committed) {
                verdict.kind = position.begin < lane.committed ? LaneVerdict::Kind::kRewind
                                                               : LaneVerdict::Kind::kGap;
                report.outcome = Outcome::kRewind;
            }
            report.lanes.push_back(verdict);
        }
        const auto filename = batch.find_key("filename");
        for (size_t i = 0; i < batch.row_count(); ++i) {
            const bool kept = stored[batch.origin(i)];
            (kept ? report.accepted : report.duplicate) += 1;
            if (kept) {
                const Value* name = batch.find_attr(i, *filename);
                state.lines.push_back(
                    {std::string(name->as_text()), std::string(batch.body(i)), batch.ts(i)}
                );
            }
        }
        return report;
    }

    void ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) override {
        ++asked;
        if (unreachable) {
            waiting.emplace_back(std::move(lanes), std::move(on_answer));
            return;
        }
        on_answer(answer(lanes));
    }

    void reach() {
        unreachable = false;
        for (auto& [lanes, on_answer] : std::exchange(waiting, {})) {
            on_answer(answer(lanes));
        }
    }

    void fork(std::string detail) override {
        forks.push_back(std::move(detail));
        agent = AgentId::random();
    }

    void report_event(std::string kind, std::string detail) override {
        events.emplace_back(std::move(kind), std::move(detail));
    }

    void on_store_changed(std::function<void()> listener) override {
        listeners.push_back(std::move(listener));
    }

    /// The agent's connection was lost and the next one found `to`.
    void come_back_as(StoreState to) {
        state = std::move(to);
        for (const auto& listener : listeners) {
            listener();
        }
    }

    bool has_event(const std::string& kind) const {
        return std::ranges::any_of(events, [&](const auto& e) { return e.first == kind; });
    }

    StoreState state;
    AgentId agent = AgentId::random();
    bool hold = false;
    bool unreachable = false;
    int fail_next = 0;
    int batches = 0;
    int asked = 0;
    std::vector<std::string> forks;
    std::vector<std::function<void()>> listeners;
    std::vector<std::pair<std::string, std::string>> events;
    std::vector<std::pair<RecordBatchPtr, AckToken>> held;
    std::vector<std::pair<std::vector<SourceKey>, OnAnswer>> waiting;

  private:
    pipeline::CommittedAnswer answer(const std::vector<SourceKey>& lanes) {
        pipeline::CommittedAnswer answer{state.id, state.restore_generation, {}};
        for (const SourceKey& key : lanes) {
            const auto at = state.lanes.find({agent, key});
            pipeline::CommittedLane lane{.key = key};
            if (at != state.lanes.end()) {
                lane = {key, true, at->second.committed, at->second.tail_hash};
            }
            answer.lanes.push_back(lane);
        }
        return answer;
    }
};

/// One host: logs in `dir`, state in `state_dir`.
class Host {
  public:
    explicit Host(FakeCollector& collector, const std::string& glob = "*.log*")
        : collector_(collector) {
        options.id = "app";
        options.include = {dir.at(glob)};
        options.labels = *StreamLabels::make({{"input", "app"}});
    }

    void start() {
        registry = std::make_unique<metrics::Registry>();
        checkpoints = std::make_unique<checkpoint::CheckpointStore>(
            io::posix_file_system(), clock, *registry, state.at("agent")
        );
        REQUIRE(checkpoints->open());
        reader = make_reader(options);
    }

    /// Another input of the same agent, on the same checkpoint.
    std::unique_ptr<TailReader> make_reader(const TailOptions& with) {
        auto made = TailReader::make(
            with,
            {*tail_fs,
             clock,
             *registry,
             *checkpoints,
             use_positions ? &collector_ : nullptr,
             disk,
             claims},
            watch,
            [] {}
        );
        REQUIRE(made);
        (*made)->set_submit([this](RecordBatchPtr batch) { collector_.deliver(batch); });
        return *std::move(made);
    }

    /// Orderly stop.
    void stop() {
        reader->finish();
        reader->settle();
        REQUIRE(checkpoints->write_now());
        reader.reset();
        checkpoints.reset();
    }

    /// kill -9: what is not on disk is gone.
    void kill() {
        collector_.drop_held();
        stdfs::remove_all(state.at("saved"));
        if (stdfs::exists(state.at("agent"))) {
            stdfs::copy(state.at("agent"), state.at("saved"), stdfs::copy_options::recursive);
        }
        reader.reset();
        checkpoints.reset();
        stdfs::remove_all(state.at("agent"));
        if (stdfs::exists(state.at("saved"))) {
            stdfs::rename(state.at("saved"), state.at("agent"));
        }
    }

    /// Until nothing is left to do now; `seconds` of rescans go by.
    void run(int seconds = 1) {
        for (int passed = 0; passed < seconds; ++passed) {
            clock.advance(std::chrono::seconds(1));
            settle();
        }
    }

    void settle() {
        for (int idle = 0, round = 0; idle < 6; ++round) {  // longer than batch_delay
            REQUIRE(round < 100'000);
            const bool more = reader->poll_once().count() == 0;
            idle = (second && second->poll_once().count() == 0) || more ? 0 : idle + 1;
            clock.advance(std::chrono::milliseconds(25));
        }
    }

    TempDir dir;
    TempDir state{memory_directory()};
    io::ManualClock clock;
    TailOptions options;
    io::FileSystem* tail_fs = &io::posix_file_system();
    bool use_positions = true;
    io::DiskBudget* disk = nullptr;
    FileClaims* claims = nullptr;
    DirectoryWatch* watch = nullptr;
    std::unique_ptr<metrics::Registry> registry;
    std::unique_ptr<checkpoint::CheckpointStore> checkpoints;
    std::unique_ptr<TailReader> reader;
    std::unique_ptr<TailReader> second;

  private:
    FakeCollector& collector_;
};

inline std::vector<std::string> lines_of(std::string_view prefix, int from, int to) {
    std::vector<std::string> lines;
    for (int i = from; i < to; ++i) {
        lines.push_back(std::string(prefix) + " " + std::to_string(i));
    }
    return lines;
}

inline std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

}  // namespace seyir::agent::input

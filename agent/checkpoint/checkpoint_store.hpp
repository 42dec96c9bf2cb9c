// SPDX-License-Identifier: Apache-2.0
// CheckpointStore: keeps the checkpoint in two files, `checkpoint.0` and `checkpoint.1`, written in
// turn, so that a torn write leaves the one before. Inputs hand in their part; a thread writes at
// most once a second, and only what changed.
// Threads: thread-safe.   Errors: a write that fails is logged, shown by trouble() and tried again.
// Ownership: one store per state_dir, made before the inputs and destroyed after them.
// Format: docs/format/checkpoint.md.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/checkpoint/checkpoint.hpp"
#include "common/base/result.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::agent::checkpoint {

class CheckpointStore {
  public:
    CheckpointStore(
        io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry, std::string state_dir
    );
    CheckpointStore(const CheckpointStore&) = delete;
    CheckpointStore& operator=(const CheckpointStore&) = delete;
    /// Ends the thread and writes what is not yet written.
    ~CheckpointStore();

    /// A dry run's: nothing is read, and nothing is ever written.
    void keep_in_memory() { is_in_memory_ = true; }

    /// Reads both slots and takes the newer good one; none is an empty checkpoint. Creates
    /// state_dir. A bad slot is an event (see events()), not an error: the other one counts, and
    /// what was acknowledged since is asked of the collector or read again.
    Result<void> open();
    /// Starts the thread that writes; without it (tests) call write_now().
    void start();

    /// What the last run left for this input.
    std::optional<InputCheckpoint> loaded(const std::string& input) const;
    /// Replaces the input's part. Cheap: nothing is written here.
    void update(InputCheckpoint part);
    /// Writes if anything changed since the last write.
    Result<void> write_now();

    /// The agent takes a new id (a fork was found): no lane of any input is agreed with a store any
    /// more. Counts up; inputs that share this checkpoint notice by it.
    void note_fork();

    uint64_t forks() const { return forks_.load(); }

    /// Things an operator should read, e.g. a corrupt slot and what follows from it.
    std::vector<std::string> events() const;
    /// What is wrong with writing, and what to do; "" when all is well.
    std::string trouble() const;

  private:
    std::string slot_path(size_t slot) const;
    Result<Checkpoint> read_slot(size_t slot);
    void run();

    io::FileSystem& fs_;
    io::Clock& clock_;
    std::string state_dir_;
    metrics::Counter& writes_;
    metrics::Counter& write_errors_;
    metrics::Counter& corrupt_slots_;

    std::atomic<uint64_t> forks_{0};
    mutable std::mutex mutex_;
    std::mutex write_mutex_;  ///< one writer; taken before mutex_
    std::condition_variable changed_;
    Checkpoint current_;
    std::vector<InputCheckpoint> loaded_;
    std::vector<std::string> events_;
    std::string last_error_;
    std::array<bool, 2> name_synced_{};  ///< guarded by write_mutex_
    size_t next_slot_ = 0;
    bool dirty_ = false;
    bool is_in_memory_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::agent::checkpoint

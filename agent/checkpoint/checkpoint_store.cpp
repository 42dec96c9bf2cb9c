// SPDX-License-Identifier: Apache-2.0
#include "agent/checkpoint/checkpoint_store.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::agent::checkpoint {

namespace {
constexpr size_t kSlots = 2;
constexpr auto kWriteInterval = std::chrono::seconds(1);
}  // namespace

CheckpointStore::CheckpointStore(
    io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry, std::string state_dir
)
    : fs_(fs),
      clock_(clock),
      state_dir_(std::move(state_dir)),
      writes_(registry.counter("seyir_agent_checkpoint_writes_total", "Checkpoints written.")),
      write_errors_(registry.counter(
          "seyir_agent_checkpoint_write_errors_total", "Checkpoints that could not be written."
      )),
      corrupt_slots_(registry.counter(
          "seyir_agent_checkpoint_corrupt_slots_total", "Checkpoint slots found bad at start."
      )) {}

CheckpointStore::~CheckpointStore() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    if (const auto written = write_now(); !written) {
        log::error("checkpoint", written.error().message);
    }
}

std::string CheckpointStore::slot_path(size_t slot) const {
    return fmt::format("{}/checkpoint.{}", state_dir_, slot);
}

Result<Checkpoint> CheckpointStore::read_slot(size_t slot) {
    auto bytes = io::read_file(fs_, slot_path(slot), kFileBytesMax);
    if (!bytes) {
        return std::move(bytes).error();
    }
    return decode(*bytes);
}

Result<void> CheckpointStore::open() {
    SEYIR_CHECK(fs_.make_directories(state_dir_));
    SEYIR_CHECK(fs_.sync_directory(io::parent_directory(state_dir_)));
    const std::lock_guard lock(mutex_);
    bool found = false;
    for (size_t slot = 0; slot < kSlots; ++slot) {
        auto read = read_slot(slot);
        if (read) {
            if (!found || read->sequence > current_.sequence) {
                current_ = *std::move(read);
                next_slot_ = 1 - slot;
            }
            found = true;
        } else if (read.error().code != ErrorCode::kNotFound) {
            corrupt_slots_.add();
            events_.push_back(fmt::format("{}: {}", slot_path(slot), read.error().message));
            // The good slot, if any, must not be the one written next.
            next_slot_ = found ? next_slot_ : slot;
        }
    }
    if (!events_.empty()) {
        events_.push_back(
            found ? fmt::format(
                        "the other slot, written {}, counts; what was acknowledged after it is "
                        "asked of the collector",
                        to_rfc3339(current_.written)
                    )
                  : std::string("no good slot is left: positions come from the collector alone")
        );
        for (const std::string& event : events_) {
            log::warn("checkpoint", event);
        }
    }
    loaded_ = current_.inputs;
    return {};
}

void CheckpointStore::start() {
    thread_ = std::thread([this] { run(); });
}

std::optional<InputCheckpoint> CheckpointStore::loaded(const std::string& input) const {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(loaded_, input, &InputCheckpoint::input);
    return at == loaded_.end() ? std::nullopt : std::optional(*at);
}

void CheckpointStore::update(InputCheckpoint part) {
    {
        const std::lock_guard lock(mutex_);
        const auto at = std::ranges::find(current_.inputs, part.input, &InputCheckpoint::input);
        if (at == current_.inputs.end()) {
            current_.inputs.push_back(std::move(part));
        } else {
            *at = std::move(part);
        }
        dirty_ = true;
    }
    changed_.notify_all();
}

void CheckpointStore::note_fork() {
    ++forks_;
    const std::lock_guard lock(mutex_);
    for (auto* inputs : {&current_.inputs, &loaded_}) {
        for (InputCheckpoint& input : *inputs) {
            for (LaneCheckpoint& lane : input.lanes) {
                lane.store_id = {};
            }
        }
    }
    dirty_ = true;
}

Result<void> CheckpointStore::write_now() {
    const std::lock_guard writing(write_mutex_);
    std::string bytes;
    std::string path;
    size_t slot = 0;
    {
        const std::lock_guard lock(mutex_);
        if (!dirty_ || is_in_memory_) {
            return {};
        }
        dirty_ = false;
        ++current_.sequence;
        current_.written = clock_.wall_now();
        bytes = encode(current_);
        slot = next_slot_;
        path = slot_path(slot);
    }
    const auto write = [&]() -> Result<void> {
        SEYIR_TRY(const auto file, fs_.open(path, io::OpenMode::kWriteTruncate));
        SEYIR_CHECK(file->append(bytes));
        SEYIR_CHECK(file->sync());
        SEYIR_CHECK(file->close());
        // Its name must be durable too: once a run, for it may be left of a run that was cut off.
        if (!name_synced_[slot]) {
            SEYIR_CHECK(fs_.sync_directory(state_dir_));
            name_synced_[slot] = true;
        }
        return {};
    };
    const auto written = write();
    const std::lock_guard lock(mutex_);
    if (!written) {
        write_errors_.add();
        dirty_ = true;  // the same slot again: the other one is still good
        last_error_ = written.error().message;
        return written.error().context("writing the checkpoint");
    }
    writes_.add();
    last_error_.clear();
    next_slot_ = 1 - next_slot_;
    return {};
}

void CheckpointStore::run() {
    std::unique_lock lock(mutex_);
    std::string reported;
    while (!stopping_) {
        changed_.wait(lock, [&] { return stopping_ || dirty_; });
        if (stopping_) {
            return;  // the destructor writes
        }
        lock.unlock();
        const auto written = write_now();
        lock.lock();
        if (!written && written.error().message != reported) {
            reported = written.error().message;
            log::error("checkpoint", reported);
        }
        changed_.wait_for(lock, kWriteInterval, [&] { return stopping_; });
    }
}

std::vector<std::string> CheckpointStore::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

std::string CheckpointStore::trouble() const {
    const std::lock_guard lock(mutex_);
    if (last_error_.empty()) {
        return "";
    }
    return last_error_ + "; positions since are only in the collector: free space or fix state_dir";
}

}  // namespace seyir::agent::checkpoint

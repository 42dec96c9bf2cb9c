// SPDX-License-Identifier: Apache-2.0
// MemoryLogStore: the LogStore contract in the plainest code that can hold it. The oracle for the
// embedded store and the store of tests that need one.
// Threads: thread-safe; `done` and the commit callbacks run on the caller's thread of append().
// Limits: none; everything is kept.   Why: docs/adr/0007-log-store-interface.md
#pragma once

#include <compare>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/log_store.hpp"
#include "common/io/clock.hpp"

namespace seyir::store {

/// A push hash is remembered this long.
inline constexpr Nanos kPushHashKept = std::chrono::minutes(10);

class MemoryLogStore final : public LogStore {
  public:
    explicit MemoryLogStore(io::Clock& clock = io::system_clock());

    void append(Commit commit, AppendDone done) override;
    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override;
    Result<std::vector<CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override;
    Result<bool> knows_agent(TenantId tenant, AgentId agent) override;
    Result<std::unique_ptr<RowCursor>> select(SelectQuery query) override;
    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override;
    Result<Volume> volume(const VolumeQuery& query) override;
    std::shared_ptr<void> subscribe(OnCommitted on_committed) override;
    StoreStats stats() override;

    // --- for tests ---
    /// Every append fails with this and stores nothing, until set to nothing again.
    void fail_appends(std::optional<Error> error);
    /// What was committed, in commit order.
    std::vector<BatchView> commits() const;
    /// Bytes that lanes began beyond the committed position because they said `lane_start`.
    uint64_t skipped_bytes() const;
    /// As after a restore from backup: agents see it in the welcome.
    void set_restore_generation(uint32_t generation);

  private:
    struct LaneKey {
        TenantId tenant;
        AgentId agent;
        uint16_t output = 0;
        SourceKey key;

        auto operator<=>(const LaneKey&) const = default;
    };

    struct LaneState {
        uint64_t committed = 0;
        uint64_t tail_hash = 0;
    };

    using AgentKey = std::pair<TenantId, AgentId>;
    using Lanes = std::map<LaneKey, LaneState>;

    Result<std::pair<Durable, BatchView>> commit_locked(const Commit& commit);
    Result<void> check_epoch(const RecordBatch& batch);
    LaneVerdict judge(const LaneKey& key, const SourcePosition& position, Lanes& pending);
    void forget_old_hashes();

    io::Clock& clock_;
    mutable std::mutex mutex_;
    std::vector<BatchView> commits_;
    Lanes lanes_;
    std::map<AgentKey, uint32_t> epochs_;
    std::map<std::pair<TenantId, PushHash>, SteadyTime> push_hashes_;
    std::map<uint64_t, std::shared_ptr<OnCommitted>> subscribers_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    uint64_t next_subscriber_ = 0;
    uint64_t skipped_bytes_ = 0;
    std::optional<Error> append_error_;
    StoreStats stats_;
};

}  // namespace seyir::store

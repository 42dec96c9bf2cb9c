// SPDX-License-Identifier: Apache-2.0
// SealingStore: a RocksStore in memory that seals what it has before each query, so that every row
// is read from columns. Each append is a push of its own. Threads: one.   Ownership: its own file
// system and clock.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "collector/store/rocks_store.hpp"
#include "common/io/faulty_file_system.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::test {

class SealingStore final : public store::LogStore {
  public:
    SealingStore() : fs_(1) {
        store::RocksStoreOptions options;
        options.data_dir = "/data";
        options.fs = &fs_;
        options.clock = &clock_;
        options.threads = false;
        options.memtable_bytes = 4 * kMiB;
        auto opened = store::RocksStore::open(options);
        if (opened) {
            inner_ = std::move(*opened);
        }
    }

    /// False: it could not be opened, and nothing else may be called.
    bool is_open() const { return inner_ != nullptr; }

    void append(store::Commit commit, store::AppendDone done) override {
        auto batch = std::make_shared<RecordBatch>(clone_rows(commit.view));
        batch->set_provenance({.agent = {}, .epoch = 0, .push_hash = {7, ++pushes_}});
        auto encoded = encode_batch({batch, {}}, PayloadCodec::kLz4);
        if (!encoded) {
            done(encoded.error());
            return;
        }
        batch->set_encoded(std::move(*encoded));
        inner_->append({commit.output, {std::move(batch), {}}}, std::move(done));
        inner_->run_queued();
    }

    Result<std::unique_ptr<store::RowCursor>> select(store::SelectQuery query) override {
        SEYIR_CHECK(seal());
        return inner_->select(std::move(query));
    }

    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override {
        SEYIR_CHECK(seal());
        return inner_->streams(tenant, range);
    }

    Result<store::Volume> volume(const store::VolumeQuery& query) override {
        SEYIR_CHECK(seal());
        return inner_->volume(query);
    }

    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override {
        return inner_->begin_epoch(tenant, agent);
    }

    Result<std::vector<store::CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override {
        return inner_->committed(tenant, agent, output, lanes);
    }

    Result<bool> knows_agent(TenantId tenant, AgentId agent) override {
        return inner_->knows_agent(tenant, agent);
    }

    std::shared_ptr<void> subscribe(OnCommitted on_committed) override {
        return inner_->subscribe(std::move(on_committed));
    }

    store::StoreStats stats() override { return inner_->stats(); }

  private:
    Result<void> seal() {
        if (sealed_pushes_ != pushes_) {
            sealed_pushes_ = pushes_;
            return inner_->seal(store::SealScope::kAll);
        }
        return {};
    }

    io::FaultyFileSystem fs_;
    io::ManualClock clock_{UnixNanos{1'767'268'800'000'000'000}};
    std::unique_ptr<store::RocksStore> inner_;
    uint64_t pushes_ = 0;
    uint64_t sealed_pushes_ = 0;
};

}  // namespace seyir::test

// SPDX-License-Identifier: Apache-2.0
// Both ends of the wire in one process: a collector (agents input, engine, store output, in-memory
// store that can hold its answers back) and simulated files shipped by a CollectorOutput.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "collector/input/agents/agents_input.hpp"
#include "collector/output/store_output.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/engine.hpp"
#include "common/ship/collector_output.hpp"
#include "test/support/eventually.hpp"
#include "test/support/memory_log_store.hpp"

namespace seyir::test {

/// Holds answers back while told to: what was appended is stored all the same.
class HoldingStore final : public store::LogStore {
  public:
    store::MemoryLogStore inner;

    void hold(bool on) {
        std::vector<std::pair<store::AppendDone, Result<store::Durable>>> late;
        {
            const std::lock_guard lock(mutex_);
            holding_ = on;
            if (!on) {
                late.swap(held_);
            }
        }
        for (auto& [done, durable] : late) {
            done(std::move(durable));
        }
    }

    size_t held() const {
        const std::lock_guard lock(mutex_);
        return held_.size();
    }

    void append(store::Commit commit, store::AppendDone done) override {
        auto shared = std::make_shared<store::AppendDone>(std::move(done));
        inner.append(std::move(commit), [this, shared](Result<store::Durable> durable) {
            {
                const std::lock_guard lock(mutex_);
                if (holding_) {
                    held_.emplace_back(std::move(*shared), std::move(durable));
                    return;
                }
            }
            (*shared)(std::move(durable));
        });
    }

    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override {
        SEYIR_TRY(const uint32_t epoch, inner.begin_epoch(tenant, agent));
        return epoch - epochs_lost.load();
    }

    /// As after a restore: the epochs given are lower by this.
    std::atomic<uint32_t> epochs_lost = 0;

    Result<std::vector<store::CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override {
        return inner.committed(tenant, agent, output, lanes);
    }

    Result<bool> knows_agent(TenantId tenant, AgentId agent) override {
        return inner.knows_agent(tenant, agent);
    }

    Result<std::unique_ptr<store::RowCursor>> select(store::SelectQuery query) override {
        return inner.select(std::move(query));
    }

    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override {
        return inner.streams(tenant, range);
    }

    Result<store::Volume> volume(const store::VolumeQuery& query) override {
        return inner.volume(query);
    }

    std::shared_ptr<void> subscribe(OnCommitted on_committed) override {
        return inner.subscribe(std::move(on_committed));
    }

    store::StoreStats stats() override { return inner.stats(); }

  private:
    mutable std::mutex mutex_;
    bool holding_ = false;
    std::vector<std::pair<store::AppendDone, Result<store::Durable>>> held_;
};

/// A collector with one `agents` input and one store output, on a port the system chose.
class TestCollector {
  public:
    explicit TestCollector(
        store::LogStore& store, collector::input::AgentsSetup setup = {}, bool start_now = true
    );
    ~TestCollector();

    uint16_t port() const { return input_->local().port; }

    collector::input::AgentsStatus status() const { return input_->status(); }

    std::string metrics() { return registry_.text(); }

  private:
    metrics::Registry registry_;
    pipeline::GraphSpec spec_;
    pipeline::Engine engine_;
    collector::input::AgentsInput* input_ = nullptr;
};

/// Ships one simulated file: cuts batches anew after every setback, as the tail input does.
class FileSource {
  public:
    FileSource(ship::CollectorOutput& output, SourceId id, std::vector<std::string> lines);

    /// Asks where to resume and ships to the end; false when that took longer than a minute.
    bool run(uint64_t seed, size_t in_flight_max = 4);

    const std::vector<std::string>& lines() const { return lines_; }

    uint64_t rewinds() const { return rewinds_; }

    uint64_t retries() const { return retries_; }

  private:
    struct Setback {
        bool is_rewind = false;
        uint64_t committed = 0;
    };

    bool ask();
    void ship(size_t rows);
    void on_report(uint64_t end, const DeliveryReport& report);

    ship::CollectorOutput& output_;
    const SourceKey key_;
    const std::vector<std::string> lines_;
    std::vector<uint64_t> offsets_;  ///< of each line, and the end
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t next_line_ = 0;
    size_t in_flight_ = 0;
    uint64_t acknowledged_ = 0;
    std::optional<Setback> setback_;
    uint64_t rewinds_ = 0;
    uint64_t retries_ = 0;
};

std::vector<std::string> make_lines(const std::string& name, size_t count, uint64_t seed);

ship::ShipSetup ship_setup(const std::string& state_dir, uint16_t port);

/// Bodies in commit order by their `name ` prefix.
std::map<std::string, std::vector<std::string>> stored_lines(const store::MemoryLogStore& store);

/// The agents input of the collectors here: takes the token of ship_setup().
collector::input::AgentsSetup with_token();

SourceId source(uint64_t n);

SteadyTime in_seconds(int seconds);

struct Shipping {
    explicit Shipping(ship::ShipSetup setup, io::Clock& clock = io::system_clock());

    /// The number behind `name` and its labels in the metrics' text; -1 = not there.
    double metric(const std::string& name);

    metrics::Registry registry;
    ship::CollectorOutput output;
};

/// One batch of one line; its report when it comes.
struct OneBatch {
    std::mutex mutex;
    std::optional<DeliveryReport> report;

    std::optional<DeliveryReport> get();
    void ship(ship::CollectorOutput& output, SourcePosition position);
};

}  // namespace seyir::test

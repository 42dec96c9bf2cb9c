// SPDX-License-Identifier: Apache-2.0
// StoreWorld: agents and pushing clients around one store on a file system that loses power. It
// knows every line ever sent and what was acknowledged, and after each recovery compares that with
// what the store answers. The oracle of promise 1: acknowledged means stored exactly once.
// Room: simulations. Threads: one. Deterministic by seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "collector/store/rocks_store.hpp"
#include "common/io/faulty_file_system.hpp"

namespace seyir::sim {

struct Totals {
    uint64_t crashes = 0;
    uint64_t recoveries_cut = 0;  ///< power cuts during recovery itself
    uint64_t appends = 0;
    uint64_t acked_rows = 0;
    uint64_t failed_appends = 0;
    uint64_t seals = 0;
    uint64_t drops = 0;
    uint64_t rows_checked = 0;
    uint64_t files_checked = 0;
};

class StoreWorld {
  public:
    StoreWorld(uint64_t seed, Totals& totals);
    ~StoreWorld();

    /// Works until `lives` power cuts have been survived. The first broken promise, in words.
    std::string run(int lives);

    /// Of everything that happened; equal for equal seeds.
    uint64_t digest() const { return digest_; }

  private:
    struct Line {
        uint64_t begin = 0;
        uint64_t end = 0;
        std::string body;
        UnixNanos ts;
        bool is_routed = true;    ///< the route hands it to the store
        bool is_skipped = false;  ///< passed over by lane_start
    };

    struct Lane {
        size_t agent = 0;
        SourceKey key;
        StreamLabelsPtr stream;
        std::vector<Line> lines;
        uint64_t committed = 0;  ///< what the store said last
        uint64_t acked = 0;
    };

    struct Push {
        TenantId tenant = TenantId::kDefault;
        PushHash hash;
        std::string body;
        UnixNanos ts;
        bool is_acked = false;
    };

    struct Agent {
        TenantId tenant = TenantId::kDefault;
        AgentId id;
        uint32_t epoch = 0;
    };

    struct Sent {
        std::vector<size_t> lanes;
        std::vector<uint64_t> ends;
        size_t push = SIZE_MAX;
        bool is_answered = false;
        bool is_stored = false;
    };

    uint64_t pick(uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }

    bool chance(uint64_t percent) { return pick(100) < percent; }

    void plan_trouble();
    void open_until_alive();
    bool try_open();
    void one_step();
    void send_frames();
    void send_frame(std::vector<std::shared_ptr<Sent>>& sent);
    void add_stretch(RecordBatch& batch, Lane& lane, Sent& sent, std::vector<uint32_t>& routed);
    void start_lane_later();
    void send_push(std::vector<std::shared_ptr<Sent>>& sent);
    void append(RecordBatch batch, std::vector<uint32_t> routed, std::shared_ptr<Sent> sent);
    void settle(const std::vector<std::shared_ptr<Sent>>& sent);
    void resync();
    void drop_days();
    void grow(Lane& lane, size_t lines);
    UnixNanos some_time();

    void check();
    void check_positions();
    void check_files();
    void check_rows(TenantId tenant);
    void check_row_count();
    void check_one_stream();
    std::map<std::string, UnixNanos> read(TenantId tenant, store::SelectQuery query);
    void broken(std::string what);
    void note(uint64_t value);

    std::mt19937_64 random_;
    io::FaultyFileSystem fs_;
    io::ManualClock clock_;
    store::RocksStoreOptions options_;
    Totals& totals_;
    std::unique_ptr<store::RocksStore> store_;
    std::vector<Agent> agents_;
    std::vector<Lane> lanes_;
    std::vector<Push> pushes_;
    UnixNanos floor_ = UnixNanos::min();
    UnixNanos floor_maybe_ = UnixNanos::min();  ///< of a drop that was cut off
    bool is_unsure_ = false;                    ///< an append failed: ask the store where it is
    std::string broken_;
    std::string open_error_;
    bool may_flush_ = false;
    uint64_t digest_ = 0;
    uint64_t rows_found_ = 0;  ///< of both tenants, in the check at hand
};

}  // namespace seyir::sim

// SPDX-License-Identifier: Apache-2.0
// TapHub: the watchers of `seyir tap`. Rows of the components they look at are handed to them as
// JSON lines; a watcher that cannot keep up loses rows, counted, and never holds the pipeline up.
// It belongs to the program: a reload does not disturb the watchers.
// Room: Engine (Tap) -> GET /api/v1/tap, a stream of JSON lines.
// Threads: thread-safe; each watcher is served by a thread of its own.
// Limits: 8 watchers, 1 MiB waiting for each; rate as the watcher asks, at most 10,000 rows/s.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/tap.hpp"

namespace seyir::service {

class TapHub final : public pipeline::Tap {
  public:
    explicit TapHub(metrics::Registry& registry);
    ~TapHub() override;
    TapHub(const TapHub&) = delete;
    TapHub& operator=(const TapHub&) = delete;

    bool wants(std::string_view component, pipeline::TapSide side) const noexcept override;
    void rows(
        std::string_view component,
        pipeline::TapSide side,
        const BatchView& view,
        std::string_view note
    ) override;

    /// GET /api/v1/tap?component=ID|*&side=in|out|failed|all&limit=N&rate=ROWS_PER_SECOND. Each
    /// line: {"component":..,"side":..,"note":..,"record":{..}}, or {"lost":N} where rows were left
    /// out. Ends after `limit` rows (0: never), or with the client.
    net::HttpRoute route();

    /// Ends all watchers.
    void stop();

  private:
    struct Watcher {
        std::string component;  ///< "*" = all
        bool in = false;
        bool out = false;
        bool failed = false;
        uint64_t rate = 0;   ///< rows a second
        uint64_t limit = 0;  ///< rows; 0 = no end

        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::string> lines;
        size_t waiting_bytes = 0;
        uint64_t lost = 0;
        uint64_t taken = 0;  ///< rows
        int64_t second = 0;  ///< the second `taken_in_second` belongs to
        uint64_t taken_in_second = 0;
        bool is_ended = false;
    };

    void open(const net::HttpExchangePtr& exchange);
    void serve(const net::HttpExchangePtr& exchange, const std::shared_ptr<Watcher>& watcher);
    static void add(Watcher& watcher, std::string line);
    static bool wants_of(const Watcher& w, std::string_view component, pipeline::TapSide side);

    metrics::Gauge& watching_gauge_;
    std::atomic<size_t> watching_{0};
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<Watcher>> watchers_;
    std::condition_variable gone_;  ///< a watcher left; its thread touches nothing after that
    bool is_stopping_ = false;
};

}  // namespace seyir::service

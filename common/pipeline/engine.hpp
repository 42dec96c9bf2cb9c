// SPDX-License-Identifier: Apache-2.0
// Engine: inputs -> routes -> outputs. It owns the components, selects rows for each output, and
// joins the outputs' answers into the batch's ack token.
// Room: RecordBatchPtr (submit) -> one BatchView per output -> DeliveryReport -> AckToken.
// Threads: submit is thread-safe and never blocks; start and stop belong to one thread.
// Memory: the engine holds nothing of its own: what is in flight is bounded by the inputs' budgets,
// which they get back when tokens resolve.
// Ownership: components live until the engine dies, so that late tokens find their input alive.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/output.hpp"

namespace seyir::pipeline {

/// Chooses rows; made from a LogQL `match:` by whoever builds the graph. Pure and thread-safe.
using RowMatch = std::function<Selection(const BatchView&)>;

struct Route {
    std::string name;
    std::vector<std::string> from;  ///< input ids; empty = every input
    RowMatch match;                 ///< none = every row
    std::vector<std::string> to;    ///< output ids
    /// The source's ack waits for these outputs. Others lose rows, counted, when they fail.
    bool required = true;
};

struct ComponentStatus {
    std::string id;
    std::string kind;  ///< "input" or "output"
    ComponentHealth health;
};

class Engine {
  public:
    explicit Engine(metrics::Registry& registry);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // --- building; before start() ---
    void add_input(const std::string& id, std::unique_ptr<Input> input);
    void add_output(const std::string& id, std::unique_ptr<Output> output);
    /// kInvalidConfig when it names a component that is not there.
    Result<void> add_route(Route route);

    /// Outputs first, then inputs. On error everything started is stopped again.
    Result<void> start();

    /// Inputs stop, what is in flight gets its answers until `deadline`, then outputs stop.
    void stop(SteadyTime deadline);

    std::vector<ComponentStatus> status() const;

    /// Deliveries without an answer yet.
    uint64_t in_flight() const { return in_flight_.load(); }

  private:
    struct InputSlot {
        std::string id;
        std::unique_ptr<Input> input;
        std::vector<size_t> routes;
        metrics::Counter* rows;
        metrics::Counter* bytes;
        metrics::Counter* unrouted;
    };

    struct OutputSlot {
        std::string id;
        std::unique_ptr<Output> output;
        metrics::Counter* rows_in;
        metrics::Counter* rows_delivered;
        metrics::Counter* rows_duplicate;
        metrics::Counter* rows_retried;
        metrics::Gauge* rows_in_flight;
        metrics::Histogram* seconds;
    };

    /// What one output gets of a batch.
    struct Share {
        BatchView view;
        bool required = false;  // some route that chose it says so
    };

    /// One delivery on its way.
    struct Pending {
        uint32_t rows = 0;
        bool required = false;
        SteadyTime since;
        AckToken token;
    };

    void submit(const InputSlot& slot, const RecordBatchPtr& batch);
    std::vector<Share> select(const InputSlot& slot, const RecordBatchPtr& batch) const;
    void hand_over(OutputSlot& slot, Share share, AckToken token);
    void answered(OutputSlot& slot, Pending pending, DeliveryReport report);
    void count_dropped(const OutputSlot& slot, const DeliveryReport& report, uint32_t rows);

    metrics::Registry& registry_;
    std::vector<std::unique_ptr<InputSlot>> inputs_;
    std::vector<std::unique_ptr<OutputSlot>> outputs_;
    std::vector<Route> routes_;
    std::vector<std::vector<size_t>> route_outputs_;

    std::atomic<uint64_t> in_flight_{0};
    std::mutex idle_mutex_;
    std::condition_variable idle_;
};

}  // namespace seyir::pipeline

// SPDX-License-Identifier: Apache-2.0
// Engine: inputs -> routes (match, filters) -> outputs. It runs a graph, and replaces it by another
// without losing or doubling a record.
// Room: RecordBatchPtr (submit) -> BatchRun -> outputs -> AckToken.
// Threads: start, replace, stop and tidy belong to one thread; the rest is thread-safe. Submitting
// never blocks: batches of routes with filters go to worker threads. What one thread submits keeps
// its order.
// Memory: the engine holds nothing of its own: what is in flight is bounded by the inputs' budgets,
// which they get back when tokens resolve.
// Ownership: a component that left the graph is kept until nothing of it is unanswered.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/shared_cell.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/delivery.hpp"
#include "common/pipeline/graph_spec.hpp"
#include "common/pipeline/topology.hpp"
#include "common/pipeline/worker.hpp"

namespace seyir::pipeline {

struct ComponentStatus {
    std::string id;
    std::string kind;  ///< "input", "filter" or "output"; "buffer": of set_notices()
    ComponentHealth health;
    /// It left the graph and waits for answers; health.message says so.
    bool is_leaving = false;
};

class Engine {
  public:
    /// `workers`: threads for filters, at least 1; they start with the first graph that has some.
    explicit Engine(metrics::Registry& registry, size_t workers = 1);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Outputs first, then inputs. On error everything started is stopped again.
    /// kInvalidConfig when a route names a component that is not there.
    Result<void> start(GraphSpec spec);

    /// Builds `next` beside the running graph and changes over: inputs and outputs that are the
    /// same objects go on undisturbed; inputs that are gone or made anew are stopped and drained
    /// until `drained_by` before their successors start; outputs that are gone are stopped once
    /// they have answered, or cannot (tidy()). On error the old graph runs on, and nothing of
    /// `next` does.
    Result<void> replace(GraphSpec next, SteadyTime drained_by);

    /// Inputs stop, what is in flight gets its answers until `deadline`, then outputs stop.
    void stop(SteadyTime deadline);

    /// Ends components that left the graph and have nothing unanswered; call it about every second.
    /// An output that is not well, or has not answered by the replacement's `drained_by`, is
    /// stopped: what it holds goes back to the sources, which send it to the new graph.
    void tidy();

    /// Components of the graph, those that leave it, and the notices.
    std::vector<ComponentStatus> status() const;

    /// Loops of inputs and filters that have been at one turn for `limit` or longer: they hang. For
    /// the watchdog. Thread-safe while no graph is started or stopped.
    std::vector<std::string> hung(SteadyTime now, Nanos limit) const;

    /// What the program has to say of the pipeline beside its components. Thread-safe.
    void set_notices(std::vector<ComponentStatus> notices);

    /// The input that runs under this id now; nullptr: none.
    std::shared_ptr<Input> input(const std::string& id) const;

    /// Deliveries without an answer yet.
    uint64_t in_flight() const { return delivery_->in_flight(); }

    /// Components that left the graph and still wait for answers.
    size_t leaving() const;

    void set_tap(std::shared_ptr<Tap> tap) { delivery_->set_tap(std::move(tap)); }

    /// For outputs behind a buffer, which refuse rows long after they took them: sends rows to the
    /// dead letter output of the first route that feeds `output`, which resolves `token`. Without
    /// one, and for rows that were dead letters of `output` before, they are dropped, counted under
    /// `output` with `code`. kRetry: the dead letter output does not run yet or any more.
    /// Thread-safe.
    void send_dead_letter(
        const std::string& output,
        const BatchView& rows,
        const std::string& code,
        const std::string& message,
        AckToken token
    );

    /// Hands rows the program made to an output that runs: nobody waits for the answer. False:
    /// there is none of that id. Thread-safe.
    bool send_event(const std::string& output, const BatchView& rows);

  private:
    using TopologyPtr = std::shared_ptr<Topology>;

    struct LeavingOutput {
        std::shared_ptr<OutputSlot> slot;
        SteadyTime answers_by;
        bool is_stopped = false;
    };

    void add_leaving(std::vector<ComponentStatus>& to) const;
    void count_dropped(const std::string& output, const std::string& code, size_t rows);
    void submit(InputSlot& slot, const RecordBatchPtr& batch);

    TopologyPtr current() const { return current_.load(); }

    Result<void> start_outputs(const Topology& next, const Topology* before);
    Result<void> start_input(InputSlot& slot);
    Result<void> start_inputs(const Topology& next, const Topology* before);
    void stop_inputs(const Topology& of, const Topology* except);
    void bring_back(const TopologyPtr& old, const Topology& failed, SteadyTime drained_by);
    void run_queued(
        TopologyPtr topology, InputSlot& slot, RecordBatchPtr batch, AckToken token, size_t worker
    );
    void flush_chains(const TopologyPtr& of, FlushReason reason);
    void end_chains(const TopologyPtr& of);
    void start_workers(const Topology& next);
    void on_timer(size_t worker);

    metrics::Registry& registry_;
    const size_t worker_count_;
    std::shared_ptr<Delivery> delivery_ = std::make_shared<Delivery>();
    SharedCell<Topology> current_;
    SharedCell<Topology> upcoming_;  ///< its outputs start; it is not current yet
    metrics::Gauge& queued_rows_;

    mutable std::mutex mutex_;  // of what is leaving
    std::vector<std::shared_ptr<InputSlot>> leaving_inputs_;
    std::vector<LeavingOutput> leaving_outputs_;
    std::vector<ComponentStatus> notices_;

    std::vector<std::unique_ptr<Worker>> workers_;  // last: their jobs use all of the above
};

}  // namespace seyir::pipeline

// SPDX-License-Identifier: Apache-2.0
// run_batch: one batch through every route of its input: match, filters, outputs.
// What several routes give one output of the same rows arrives once (union of rows); rows that a
// filter changed arrive as each route made them. An output that keeps positions gets all a batch
// yields for it in one delivery, also when that is no row at all. Metric samples are no records:
// they go to the outputs that take them, past match and filters.
// Threads: a chain belongs to one worker; the rest is thread-safe.
#pragma once

#include <vector>

#include "common/pipeline/chain_sink.hpp"
#include "common/pipeline/delivery.hpp"
#include "common/pipeline/topology.hpp"

namespace seyir::pipeline {

class BatchRun {
  public:
    /// `chains` are those of the calling worker.
    BatchRun(const Topology& topology, std::vector<Chain>& chains, Delivery& delivery)
        : topology_(topology), chains_(chains), delivery_(delivery) {}

    /// Resolves `token` through shares of it; no share outlives its delivery or hold.
    void run(size_t input, RecordBatchPtr batch, AckToken token);

    /// Filter::flush of every filter of every chain, in order. kTimer: only of those that asked.
    void flush(FlushReason reason);

  private:
    class Late;

    /// What one output gets of the batch.
    struct Share {
        std::vector<BatchView> parts;
        bool is_routed = false;
        bool required = false;
        size_t route = 0;  // the last that chose it: whose dead letter output counts
    };

    /// Whose promise rows carry: that of the batch, or that of rows held before.
    struct Promise {
        const AckToken* token = nullptr;
        bool is_of_batch = false;
    };

    /// To the outputs of every route that take them, past `match` and filters.
    void share_metrics(size_t input, const RecordBatchPtr& batch);
    void filter(size_t route, size_t step, BatchView view, Promise promise);
    void finish_call(size_t route, size_t step, ChainSink& sink, Promise promise, SteadyTime began);
    void fail(size_t route, size_t step, const ChainSink::Failed& rows, Promise promise);
    void arrive(size_t route, const BatchView& view, Promise promise);
    void add(Share& share, size_t route, const BatchView& view);
    void hand_over_shares(const RecordBatchPtr& positions, const AckToken& gate, Late& late);
    Delivery::Ticket ticket(size_t route, BatchView view, bool required, const AckToken* token)
        const;
    bool keeps_positions_somewhere(size_t input) const;

    const Topology& topology_;
    std::vector<Chain>& chains_;
    Delivery& delivery_;
    std::vector<Share> shares_;  // by output
};

}  // namespace seyir::pipeline

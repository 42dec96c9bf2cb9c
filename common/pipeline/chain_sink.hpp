// SPDX-License-Identifier: Apache-2.0
// ChainSink: what one call of a filter gives. Everything is kept until the call has ended well, and
// only then goes on: a filter that fails halfway leaves nothing half done.
// Used by run_batch.cpp only.   Threads: one at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/pipeline/filter.hpp"
#include "common/pipeline/slots.hpp"

namespace seyir::pipeline {

class ChainSink final : public FilterSink {
  public:
    struct Emitted {
        BatchView view;
        AckToken held;  ///< of emit_held; else the promise is the batch's
        bool is_held = false;
    };

    struct Failed {
        BatchView view;
        std::string code;
        std::string message;
    };

    explicit ChainSink(const AckToken* token) : token_(token) {}

    void emit(BatchView view) override;
    void drop(std::string_view reason, uint32_t rows) override;
    void fail(BatchView rows, std::string_view code, std::string_view message) override;
    HeldRows hold(uint32_t rows) override;
    void emit_held(BatchView view, HeldRows used) override;
    void drop_held(std::string_view reason, HeldRows used) override;
    void emit_event(BatchView view) override;

    FilterTally& tally() { return tally_; }

    /// After `call` failed, of which nothing goes on: held rows that it let go
    /// of are counted here, or nobody would know of them.
    void account_for_held_of(const ChainSink& call);

    /// Nothing was said: nothing to account for.
    bool is_empty() const {
        return emitted.empty() && failed.empty() && events.empty() && tally_.dropped.empty() &&
               tally_.held == 0 && tally_.released == 0;
    }

    std::vector<Emitted> emitted;
    std::vector<Failed> failed;
    std::vector<BatchView> events;

  private:
    const AckToken* token_;
    FilterTally tally_;
    uint64_t held_emitted_ = 0;
    std::vector<std::pair<std::string, uint64_t>> held_dropped_;  ///< by reason
};

}  // namespace seyir::pipeline

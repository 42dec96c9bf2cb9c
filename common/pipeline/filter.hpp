// SPDX-License-Identifier: Apache-2.0
// Filter: changes, adds or removes rows between inputs and outputs. A filter in `through` has one
// instance for each worker and each place it is used at, so it needs no locks; what instances share
// (a throttle's budget) lives in its plan (common/component/types.hpp) and guards itself.
// To change rows use BatchEditor (common/record/batch_editor.hpp): it copies only what is shared.
// Every row that comes in goes out through the sink: emitted, dropped, failed or held. The engine
// counts; rows a filter forgets are counted as dropped, reason `unexplained`.
// Threads: the engine calls an instance from one thread at a time.
// Errors: an Error from process(), or an exception, fails all rows of that call; what it emitted in
// that call is taken back, so nothing goes on half done. `on_error` of the filter decides what
// becomes of them. A filter that held rows must not fail the same call.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::pipeline {

/// What becomes of rows a filter could not handle.
enum class OnError {
    kKeep,        ///< they go on as they came
    kDrop,        ///< counted
    kDeadLetter,  ///< to the dead letter output, with the reason
};

/// Rows kept beyond the call they came in, with their share of the source's promise: the source is
/// not answered before they are emitted or dropped. Destroyed with rows inside: kRetry.
struct HeldRows {
    uint32_t rows = 0;
    AckToken token;
};

class FilterSink {
  public:
    virtual ~FilterSink() = default;
    /// Passes rows on; may be called several times. A filter may emit more rows than it got.
    virtual void emit(BatchView view) = 0;
    /// Counts rows that end here on purpose; `reason` is a snake_case word, a metric label.
    virtual void drop(std::string_view reason, uint32_t rows) = 0;
    /// Rows that could not be handled, as they came in: kept, dropped or sent to the dead letter
    /// output by the filter's `on_error`. `code` is a snake_case word; `message` is for people.
    virtual void fail(BatchView rows, std::string_view code, std::string_view message) = 0;
    /// `rows` of the batch in process stay with the filter.
    virtual HeldRows hold(uint32_t rows) = 0;
    /// Rows made of held ones go on, with their promise. `used.rows` leave the filter. Several
    /// emits may share one HeldRows: give the rest with rows = 0 and a token.clone().
    virtual void emit_held(BatchView view, HeldRows used) = 0;
    virtual void drop_held(std::string_view reason, HeldRows used) = 0;
    /// New rows that are not part of the stream: an alert. They go to the outputs the filter names
    /// (FilterPlan::event_outputs), never hold up the source, and are counted when lost.
    virtual void emit_event(BatchView view) = 0;
};

enum class FlushReason { kTimer, kShutdown, kReload };

class Filter {
  public:
    virtual ~Filter() = default;
    /// `view` has at least one row.
    virtual Result<void> process(BatchView view, FilterSink& sink) = 0;

    /// Called about every 100 ms (kTimer) on filters whose plan asks for it, and once before the
    /// instance dies; then everything held must be emitted or dropped.
    virtual Result<void> flush(FlushReason /*reason*/, FilterSink& /*sink*/) { return {}; }

    /// True: process() gives no Error and throws nothing but std::bad_alloc. The engine then keeps
    /// no second share of the batch for the failure case, so BatchEditor can change it in place.
    virtual bool never_fails() const { return false; }
};

}  // namespace seyir::pipeline

// SPDX-License-Identifier: Apache-2.0
// Mode `summarize` of `dedupe`: the first of equal records waits for the window's end with its
// share of the source's promise; repeats end at once and only raise its count. An output that keeps
// positions moves the source on with the rest of the batch, so that a crash loses what waits then
// (docs/guide/filters.md says so); other sources send it again.
#include <algorithm>
#include <utility>

#include "common/record/batch_editor.hpp"
#include "plugins/filter/rate/dedupe_options.hpp"
#include "plugins/filter/rate/key_table.hpp"

namespace seyir::plugins {
namespace {

using component::RunContext;

// What waits is copied, so that one line does not keep its whole batch in memory.
constexpr size_t kHeldBytesMax = 64 * 1024 * 1024;

struct Waiting {
    SteadyTime until;
    RecordBatchPtr record;
    size_t bytes = 0;
    uint64_t repeats = 0;
    pipeline::HeldRows held;
};

/// One record in a batch of its own. Without its position: the rest of its batch has gone on with
/// it, and a store would take the same stretch for a duplicate.
std::shared_ptr<RecordBatch> record_alone(const RecordBatch& from, uint32_t row) {
    auto to = std::make_shared<RecordBatch>(from.tenant());
    Row one = from.row(row);
    one.stream = to->add_stream(from.streams()[one.stream]);
    one.origin = kNoOrigin;
    RecordBatch copy = clone_rows({RecordBatchPtr(RecordBatchPtr{}, &from), Selection::of({row})});
    std::vector<Attr> attrs;
    for (const Attr& attr : copy.attrs(0)) {
        attrs.emplace_back(to->add_key(copy.keys()[attr.key]), attr.value, attr.is_parsed);
    }
    one.body = copy.body(0);
    one.attrs = to->add_attrs(attrs);
    to->append_row(one);
    const size_t bytes = copy.arena().size_bytes();
    to->arena().adopt(std::make_shared<const RecordBatch>(std::move(copy)), bytes);
    return to;
}

class Summarize final : public pipeline::Filter {
  public:
    Summarize(DedupeOptionsPtr options, const RunContext& context)
        : options_(std::move(options)),
          keys_of_(options_->by, options_->with_stream),
          clock_(context.clock),
          condition_errors_(condition_errors(context)),
          evicted_(dedupe_evicted(context)),
          table_(options_->keys_max) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        uint64_t errors = 0;
        const auto& condition = options_->condition;
        Selection looked_at = condition ? condition->match(view, errors) : view.rows;
        condition_errors_.add(errors);
        const SteadyTime now = clock_.steady_now();
        emit_due(now, sink);
        keys_of_.bind(*view.batch);
        uint32_t repeated = 0;
        for_each_row({view.batch, looked_at}, [&](uint32_t i) {
            const RowKey key = keys_of_.of(*view.batch, i);
            if (Waiting* waiting = table_.find(key)) {
                ++waiting->repeats;
                ++repeated;
            } else {
                hold(key, *view.batch, i, now, sink);
            }
        });
        if (repeated != 0) {
            sink.drop("repeated", repeated);
        }
        Selection rest = rest_of(view, looked_at);
        if (rest.count(view.batch->row_count()) != 0) {
            sink.emit({std::move(view.batch), std::move(rest)});
        }
        return {};
    }

    Result<void> flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) override {
        emit_due(
            reason == pipeline::FlushReason::kTimer ? clock_.steady_now() : SteadyTime::max(), sink
        );
        return {};
    }

  private:
    void hold(
        const RowKey& key,
        const RecordBatch& batch,
        uint32_t row,
        SteadyTime now,
        pipeline::FilterSink& sink
    ) {
        RecordBatchPtr record = record_alone(batch, row);
        const size_t bytes = record->memory_bytes();
        while (table_.is_full() || (held_bytes_ + bytes > kHeldBytesMax && table_.size() != 0)) {
            evicted_.add();
            emit(table_.take_oldest(), sink);
        }
        held_bytes_ += bytes;
        table_.add(key, {now + options_->window, std::move(record), bytes, 0, sink.hold(1)});
        next_due_ = std::min(next_due_, now + options_->window);
    }

    void emit_due(SteadyTime now, pipeline::FilterSink& sink) {
        if (now < next_due_) {
            return;
        }
        std::vector<Waiting> due;
        next_due_ = SteadyTime::max();
        table_.remove_if([&](Waiting& waiting) {
            if (waiting.until <= now) {
                due.push_back(std::move(waiting));
                return true;
            }
            next_due_ = std::min(next_due_, waiting.until);
            return false;
        });
        std::ranges::sort(due, {}, &Waiting::until);
        for (Waiting& waiting : due) {
            emit(std::move(waiting), sink);
        }
    }

    void emit(Waiting waiting, pipeline::FilterSink& sink) {
        held_bytes_ -= waiting.bytes;
        BatchView view{std::move(waiting.record), {}};
        if (waiting.repeats != 0) {
            BatchEditor edit(std::move(view));
            const auto attrs = edit.batch().attrs(0);
            std::vector<Attr> more(attrs.begin(), attrs.end());
            const KeyIndex key = edit.batch().add_key("repeated");
            std::erase_if(more, [&](const Attr& attr) { return attr.key == key; });
            more.emplace_back(key, Value::integer(static_cast<int64_t>(waiting.repeats)));
            edit.set_attrs(0, more);
            view = std::move(edit).finish();
        }
        sink.emit_held(std::move(view), std::move(waiting.held));
    }

    DedupeOptionsPtr options_;
    RowKeys keys_of_;
    io::Clock& clock_;
    metrics::Counter& condition_errors_;
    metrics::Counter& evicted_;
    KeyTable<Waiting> table_;
    size_t held_bytes_ = 0;
    SteadyTime next_due_ = SteadyTime::max();
};

class SummarizePlan final : public component::FilterPlan {
  public:
    explicit SummarizePlan(DedupeOptionsPtr options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(std::make_unique<Summarize>(options_, context));
    }

    bool holds_rows() const override { return true; }

    bool wants_timer() const override { return true; }

  private:
    DedupeOptionsPtr options_;
};

}  // namespace

component::FilterPlanPtr make_summarize_plan(DedupeOptionsPtr options) {
    return std::make_shared<SummarizePlan>(std::move(options));
}

}  // namespace seyir::plugins

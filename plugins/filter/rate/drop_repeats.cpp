// SPDX-License-Identifier: Apache-2.0
// Mode `drop` of `dedupe`.
#include <atomic>
#include <mutex>
#include <utility>

#include "plugins/filter/rate/dedupe_options.hpp"
#include "plugins/filter/rate/key_table.hpp"

namespace seyir::plugins {
namespace {

using component::RunContext;

/// Which stretch of which source, or which push, a row came with. Sources only go forward, so an
/// overlap means that the source sends again what was not answered.
struct Came {
    uint64_t source = 0;  ///< 0: nothing is known
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t call = 0;  ///< of process(): within one call nothing is sent again

    bool is_again_of(const Came& first) const {
        return source != 0 && source == first.source && call != first.call && begin < first.end &&
               first.begin < end;
    }
};

struct Seen {
    SteadyTime until;
    Came came;
};

class SeenKeys {
  public:
    explicit SeenKeys(const DedupeOptions& options) : options_(options), table_(options.keys_max) {}

    uint64_t new_call() { return calls_.fetch_add(1, std::memory_order_relaxed) + 1; }

    struct Asked {
        RowKey key;
        Came came;
    };

    /// `repeats` gets 1 for each row that ends. Gives the number of keys that had to make room.
    uint64_t judge(std::span<const Asked> rows, SteadyTime now, std::vector<uint8_t>& repeats) {
        const std::lock_guard lock(mutex_);
        uint64_t evicted = 0;
        repeats.clear();
        for (const auto& [key, came] : rows) {
            Seen* seen = table_.find(key);
            const bool is_repeat =
                seen != nullptr && now < seen->until && !came.is_again_of(seen->came);
            repeats.push_back(is_repeat ? 1 : 0);
            if (is_repeat) {
                continue;
            }
            if (seen != nullptr) {
                // The same record once more keeps its window; a later one begins a new one.
                seen->until = now < seen->until ? seen->until : now + options_.window;
                seen->came = came;
                continue;
            }
            if (table_.is_full()) {
                evicted += table_.take_oldest().until > now ? 1 : 0;
            }
            table_.add(key, {now + options_.window, came});
        }
        return evicted;
    }

  private:
    const DedupeOptions& options_;
    std::atomic<uint64_t> calls_{0};
    std::mutex mutex_;
    KeyTable<Seen> table_;
};

struct DropShared {
    explicit DropShared(DedupeOptionsPtr o) : options(std::move(o)), seen(*options) {}

    const DedupeOptionsPtr options;
    SeenKeys seen;
};

class DropRepeats final : public pipeline::Filter {
  public:
    DropRepeats(std::shared_ptr<DropShared> shared, const RunContext& context)
        : shared_(std::move(shared)),
          keys_of_(shared_->options->by, shared_->options->with_stream),
          clock_(context.clock),
          condition_errors_(condition_errors(context)),
          evicted_(dedupe_evicted(context)) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        const auto& condition = shared_->options->condition;
        uint64_t errors = 0;
        BatchView looked_at{view.batch, condition ? condition->match(view, errors) : view.rows};
        condition_errors_.add(errors);
        ask(looked_at);
        evicted_.add(shared_->seen.judge(asked_, clock_.steady_now(), repeats_));
        std::vector<uint32_t> gone;
        size_t next = 0;
        for_each_row(looked_at, [&](uint32_t i) {
            if (repeats_[next++] != 0) {
                gone.push_back(i);
            }
        });
        if (gone.empty()) {
            sink.emit(std::move(view));
            return {};
        }
        sink.drop("repeated", static_cast<uint32_t>(gone.size()));
        Selection rest = rest_of(view, Selection::of(std::move(gone)));
        if (!rest.rows.empty()) {
            sink.emit({std::move(view.batch), std::move(rest)});
        }
        return {};
    }

  private:
    void ask(const BatchView& view) {
        const RecordBatch& batch = *view.batch;
        keys_of_.bind(batch);
        asked_.clear();
        const uint64_t call = shared_->seen.new_call();
        const PushHash push = batch.provenance().push_hash;
        for_each_row(view, [&](uint32_t i) {
            Came came{.call = call};
            if (const uint16_t origin = batch.origin(i); origin != kNoOrigin) {
                const SourcePosition& position = batch.positions()[origin];
                // Never 0, which means that nothing is known.
                came.source = (position.key.source.hi ^ position.key.source.lo * 31 ^
                               position.key.generation * 0x9e3779b97f4a7c15ULL) |
                              1;
                came.begin = position.begin;
                came.end = position.end;
            } else if (!push.is_zero()) {
                came.source = (push.hi ^ push.lo * 31) | 1;
                came.end = 1;
            }
            asked_.push_back({keys_of_.of(batch, i), came});
        });
    }

    std::shared_ptr<DropShared> shared_;
    RowKeys keys_of_;
    io::Clock& clock_;
    metrics::Counter& condition_errors_;
    metrics::Counter& evicted_;
    std::vector<SeenKeys::Asked> asked_;
    std::vector<uint8_t> repeats_;
};

class DropPlan final : public component::FilterPlan {
  public:
    explicit DropPlan(DedupeOptionsPtr options)
        : shared_(std::make_shared<DropShared>(std::move(options))) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(std::make_unique<DropRepeats>(shared_, context));
    }

  private:
    std::shared_ptr<DropShared> shared_;
};

}  // namespace

component::FilterPlanPtr make_drop_repeats_plan(DedupeOptionsPtr options) {
    return std::make_shared<DropPlan>(std::move(options));
}

}  // namespace seyir::plugins

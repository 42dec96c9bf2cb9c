// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/rate/throttle_filter.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "plugins/filter/field/condition.hpp"
#include "plugins/filter/rate/key_table.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;

struct ThrottleOptions {
    double rows_per_ns = 0;
    double burst = 0;
    size_t keys_max = 0;
    std::vector<FieldRef> by;
    std::optional<Condition> condition;
};

struct Bucket {
    double tokens = 0;
    SteadyTime filled;
};

/// The buckets of all instances.
class Buckets {
  public:
    explicit Buckets(const ThrottleOptions& options)
        : options_(options), table_(options.keys_max) {}

    /// Takes a token for each key, in order; `passes` gets 1 where there was one. Gives the number
    /// of keys that had to make room.
    uint64_t take(std::span<const RowKey> keys, SteadyTime now, std::vector<uint8_t>& passes) {
        const std::lock_guard lock(mutex_);
        uint64_t evicted = 0;
        passes.clear();
        for (const RowKey& key : keys) {
            Bucket* bucket = table_.find(key);
            if (bucket == nullptr) {
                if (table_.is_full()) {
                    table_.take_oldest();
                    ++evicted;
                }
                bucket = &table_.add(key, {options_.burst, now});
            }
            passes.push_back(take(*bucket, now) ? 1 : 0);
        }
        return evicted;
    }

  private:
    bool take(Bucket& bucket, SteadyTime now) const {
        if (now > bucket.filled) {
            const auto elapsed = static_cast<double>(Nanos(now - bucket.filled).count());
            bucket.tokens =
                std::min(options_.burst, bucket.tokens + elapsed * options_.rows_per_ns);
            bucket.filled = now;
        }
        // A hair less than one: what a window refills must not fall short by rounding.
        if (bucket.tokens < 1 - 1e-6) {
            return false;
        }
        bucket.tokens = std::max(0.0, bucket.tokens - 1);
        return true;
    }

    const ThrottleOptions& options_;
    std::mutex mutex_;
    KeyTable<Bucket> table_;
};

struct ThrottleShared {
    explicit ThrottleShared(ThrottleOptions o) : options(std::move(o)), buckets(options) {}

    const ThrottleOptions options;
    Buckets buckets;
};

class ThrottleFilter final : public pipeline::Filter {
  public:
    ThrottleFilter(std::shared_ptr<ThrottleShared> shared, const RunContext& context)
        : shared_(std::move(shared)),
          keys_of_(shared_->options.by, false),
          clock_(context.clock),
          condition_errors_(condition_errors(context)),
          evicted_(context.registry.counter(
              "seyir_filter_throttle_evicted_keys_total",
              "Keys that gave up their budget because `max_keys` others came after them.",
              {{"filter", context.id}}
          )) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        const auto& condition = shared_->options.condition;
        uint64_t errors = 0;
        BatchView limited{view.batch, condition ? condition->match(view, errors) : view.rows};
        condition_errors_.add(errors);
        keys_of_.bind(*view.batch);
        keys_.clear();
        for_each_row(limited, [&](uint32_t i) { keys_.push_back(keys_of_.of(*view.batch, i)); });
        evicted_.add(shared_->buckets.take(keys_, clock_.steady_now(), passes_));
        std::vector<uint32_t> over;
        size_t next = 0;
        for_each_row(limited, [&](uint32_t i) {
            if (passes_[next++] == 0) {
                over.push_back(i);
            }
        });
        if (over.empty()) {
            sink.emit(std::move(view));
            return {};
        }
        sink.drop("throttled", static_cast<uint32_t>(over.size()));
        Selection rest = rest_of(view, Selection::of(std::move(over)));
        if (!rest.rows.empty()) {
            sink.emit({std::move(view.batch), std::move(rest)});
        }
        return {};
    }

  private:
    std::shared_ptr<ThrottleShared> shared_;
    RowKeys keys_of_;
    io::Clock& clock_;
    metrics::Counter& condition_errors_;
    metrics::Counter& evicted_;
    std::vector<RowKey> keys_;
    std::vector<uint8_t> passes_;
};

class ThrottlePlan final : public component::FilterPlan {
  public:
    explicit ThrottlePlan(ThrottleOptions options)
        : shared_(std::make_shared<ThrottleShared>(std::move(options))) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(std::make_unique<ThrottleFilter>(shared_, context)
        );
    }

  private:
    std::shared_ptr<ThrottleShared> shared_;
};

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    ThrottleOptions options;
    const auto rate = static_cast<double>(r.integer("rate"));
    options.rows_per_ns = rate / static_cast<double>(r.duration("window").count());
    options.burst = r.has("burst") ? static_cast<double>(r.integer("burst")) : rate;
    options.keys_max = static_cast<size_t>(r.integer("max_keys"));
    options.by = read_fields(r, "by", context);
    options.condition = Condition::read(r, "if", context);
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<ThrottlePlan>(std::move(options));
}

}  // namespace

component::FilterType throttle_filter_type() {
    using config::Type;
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("throttle", "Lets at most so many records a window pass, for each key.")
            .example_id("calm")
            .elsewhere("Filebeat", {"rate_limit"})
            .elsewhere("promtail", {"limit"})
            .with(config::field("rate", Type::kInt)
                      .required()
                      .between(1, 1'000'000'000)
                      .describe("Records that pass in one window, on average.")
                      .show("100")
                      .elsewhere("Vector", {"threshold"})
                      .elsewhere("Filebeat", {"limit"}))
            .with(config::field("window", Type::kDuration)
                      .between(1'000'000, 86'400'000'000'000)
                      .describe("What `rate` counts for. The budget refills evenly, not at its end."
                      )
                      .or_else("1s")
                      .elsewhere("Vector", {"window_secs"})
                      .elsewhere("Fluent Bit", {"interval"}))
            .with(config::field("burst", Type::kInt)
                      .between(1, 1'000'000'000)
                      .describe("Records that may pass at once after a quiet time.")
                      .show("1000")
                      .or_else_described("`rate`"))
            .with(config::list_of("by", config::field("", Type::kString))
                      .between(0, 16)
                      .describe("Fields whose values have a budget of their own each. None: one "
                                "budget for all records.")
                      .or_else("[]")
                      .show("[labels.service_name, user]")
                      .elsewhere("Vector", {"key_field"})
                      .elsewhere("Filebeat", {"fields"}))
            .with(config::field("max_keys", Type::kInt)
                      .between(1, 1'000'000)
                      .describe("Budgets kept at a time; beyond it the one not used for longest "
                                "is forgotten, counted, and starts full when it comes back.")
                      .or_else("10000")
                      .elsewhere("promtail", {"max_distinct_labels"}))
            .with(condition_field("if").describe(
                "Only records this LogQL condition selects are limited; others pass."
            ))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins

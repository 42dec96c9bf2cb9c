// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/filter_adapter.hpp"

#include <mutex>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/plugin/instance.hpp"
#include "common/plugin/retry_patience.hpp"

namespace seyir::plugin {
namespace {

constexpr int64_t kTimerNsMin = 90'000'000;
constexpr std::string_view kMisbehaved = "plugin_misbehaved";
constexpr std::string_view kFailed = "plugin_failed";
constexpr std::string_view kGaveUp = "plugin_gave_up";
constexpr std::string_view kRetriedTooLong = "plugin_retried_too_long";

static_assert(static_cast<uint32_t>(pipeline::FlushReason::kTimer) == SEYIR_FLUSH_TIMER);
static_assert(static_cast<uint32_t>(pipeline::FlushReason::kShutdown) == SEYIR_FLUSH_SHUTDOWN);
static_assert(static_cast<uint32_t>(pipeline::FlushReason::kReload) == SEYIR_FLUSH_RELOAD);

struct PluginMetrics {
    metrics::Counter& over_budget;
    metrics::Counter& misbehaved;

    PluginMetrics(metrics::Registry& registry, const std::string& id)
        : over_budget(registry.counter(
              "seyir_plugins_over_budget_calls_total",
              "Calls of a plugin that took longer than its budget.",
              {{"filter", id}}
          )),
          misbehaved(registry.counter(
              "seyir_plugins_misbehaved_batches_total",
              "Batches a plugin mishandled; their rows went where on_error says.",
              {{"filter", id}}
          )) {}
};

class AdaptedFilter final : public pipeline::Filter {
  public:
    AdaptedFilter(
        std::shared_ptr<PluginInstance> instance,
        std::shared_ptr<PluginTroubles> troubles,
        const component::RunContext& context,
        AdapterOptions options
    )
        : instance_(std::move(instance)),
          troubles_(std::move(troubles)),
          watch_(troubles_->add_watch()),
          metrics_(context.registry, context.id),
          options_(options),
          patience_(options.retry_for) {
        ++instance_->users;
    }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        if (instance_->is_fatal) {
            give_back_held(sink);
            sink.fail(std::move(view), kGaveUp, troubles_->say().value_or("the plugin gave up"));
            return {};
        }
        BatchSession session(tables(), memory_, std::move(view));
        int32_t status = SEYIR_OK;
        auto wrong = call([&] {
            status = instance_->filter().type.process(instance_->self(), session.abi());
        });
        return conclude(session, status, std::move(wrong), sink);
    }

    Result<void> flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) override {
        const auto flush_of_plugin = instance_->filter().type.flush;
        if (instance_->is_fatal) {
            give_back_held(sink);
        }
        if (flush_of_plugin == nullptr || !is_due(reason) || instance_->is_fatal) {
            return {};
        }
        BatchSession session(tables(), memory_);
        int32_t status = SEYIR_OK;
        auto wrong = call([&] {
            status =
                flush_of_plugin(instance_->self(), session.abi(), static_cast<uint32_t>(reason));
        });
        return conclude(session, status, std::move(wrong), sink);
    }

    /// Failures are told through the sink; an Error means "send the rows again", or is of flush().
    bool never_fails() const override { return true; }

  private:
    InstanceTables tables() {
        return {
            .host = instance_->host(),
            .held = instance_->held(),
            .may_hold = (instance_->filter().needs & SEYIR_HOLDS_ROWS) != 0,
            .checks_kept_bytes = options_.checks_kept_bytes,
            .allocated_bytes_max = options_.allocated_bytes_max,
        };
    }

    int64_t now_ns() { return instance_->host().clock().steady_now().time_since_epoch().count(); }

    /// Instances that several workers share get one timer, and their last flush from the last one.
    bool is_due(pipeline::FlushReason reason) {
        if (reason != pipeline::FlushReason::kTimer) {
            return instance_->users.fetch_sub(1) == 1;
        }
        const int64_t now = now_ns();
        int64_t last = instance_->last_timer_ns.load();
        const bool is_shared = instance_->filter().thread_model != SEYIR_PER_WORKER;
        if (is_shared && last != 0 && now - last < kTimerNsMin) {
            return false;
        }
        return instance_->last_timer_ns.compare_exchange_strong(last, now);
    }

    template <class Call>
    std::optional<std::string> call(Call&& cross) {
        std::unique_lock lock(instance_->mutex(), std::defer_lock);
        if (instance_->filter().thread_model == SEYIR_SINGLE) {
            lock.lock();
        }
        const int64_t began = now_ns();
        watch_->store(began);
        auto thrown = exception_of(cross);
        watch_->store(0);
        const Nanos spent(now_ns() - began);
        if (spent > options_.budget) {
            metrics_.over_budget.add();
            troubles_->set_over_budget(spent);
        }
        return thrown;
    }

    Result<void> conclude(
        BatchSession& session,
        int32_t status,
        std::optional<std::string> wrong,
        pipeline::FilterSink& sink
    ) {
        if (!wrong && !session.misuse().empty()) {
            wrong = session.misuse();
        }
        if (!wrong && status == SEYIR_BATCH_ERROR) {
            fail_all(session, kFailed, "the plugin failed: " + reason_of(session), sink);
            return {};
        }
        if (!wrong && (status < SEYIR_OK || status > SEYIR_FATAL)) {
            wrong = fmt::format("it gave back status {}", status);
        }
        if (wrong) {
            metrics_.misbehaved.add();
            fail_all(session, kMisbehaved, "the plugin misbehaves: " + *wrong, sink);
            return {};
        }
        if (status == SEYIR_OK || status == SEYIR_RECORD_ERRORS) {
            patience_.went_well();
            session.finish(sink);
            return {};
        }
        return status == SEYIR_RETRY ? try_again(session, sink) : give_up(session, sink);
    }

    static std::string reason_of(const BatchSession& session) {
        return session.explanation().empty() ? "it does not say why" : session.explanation();
    }

    void fail_all(
        BatchSession& session,
        std::string_view code,
        const std::string& message,
        pipeline::FilterSink& sink
    ) {
        troubles_->set_passing(message);
        if (options_.logs) {
            instance_->host().log(SEYIR_LOG_ERROR, message);
        }
        BatchView rows = session.give_back();
        if (rows.row_count() != 0) {
            sink.fail(std::move(rows), code, message);
        }
    }

    Result<void> try_again(BatchSession& session, pipeline::FilterSink& sink) {
        const std::string why = reason_of(session);
        BatchView rows = session.give_back();
        const SteadyTime now = instance_->host().clock().steady_now();
        if (rows.row_count() == 0 || !patience_.is_over(rows, now)) {
            return fail(ErrorCode::kBackpressure, why);
        }
        const std::string message = fmt::format(
            "the plugin has asked for another try for {}: {}",
            format_duration(std::chrono::duration_cast<std::chrono::seconds>(patience_.longest())),
            why
        );
        troubles_->set_passing(message);
        sink.fail(std::move(rows), kRetriedTooLong, message);
        return {};
    }

    Result<void> give_up(BatchSession& session, pipeline::FilterSink& sink) {
        const std::string why = reason_of(session);
        BatchView rows = session.give_back();
        instance_->is_fatal = true;
        troubles_->set_fatal(why);
        instance_->host().log(SEYIR_LOG_ERROR, "the plugin gave up: " + why);
        give_back_held(sink);
        if (rows.row_count() != 0) {
            sink.fail(std::move(rows), kGaveUp, "the plugin gave up: " + why);
        }
        return {};
    }

    /// Their sources send them again, and then they fail: what a plugin that gave up holds must not
    /// keep its sources waiting.
    void give_back_held(pipeline::FilterSink& sink) {
        for (const pipeline::HeldRows& held : instance_->held().take_all()) {
            // Counted without its promise, which dies unanswered: that is "send again".
            sink.drop_held("sent_again", {.rows = held.rows, .token = {}});
        }
    }

    std::shared_ptr<PluginInstance> instance_;
    std::shared_ptr<PluginTroubles> troubles_;
    PluginTroubles::Watch watch_;
    PluginMetrics metrics_;
    AdapterOptions options_;
    RetryPatience patience_;
    SessionMemory memory_;
};

class AdaptedPlan final : public component::FilterPlan {
  public:
    AdaptedPlan(
        FilterDescriptionPtr filter,
        std::shared_ptr<const Settings> settings,
        AdapterOptions options
    )
        : filter_(std::move(filter)), settings_(std::move(settings)), options_(options) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const component::RunContext& context
    ) override {
        const std::lock_guard lock(mutex_);
        if (troubles_ == nullptr) {
            troubles_ = std::make_shared<PluginTroubles>(context.clock, options_.budget);
        }
        auto instance = shared_.lock();
        if (instance == nullptr) {
            SEYIR_TRY(instance, PluginInstance::create(filter_, settings_, context));
            if (filter_->thread_model != SEYIR_PER_WORKER) {
                shared_ = instance;
            }
        }
        return std::make_unique<AdaptedFilter>(std::move(instance), troubles_, context, options_);
    }

    bool is_sensitive() const override { return filter_->is_sensitive(); }

    bool holds_rows() const override { return (filter_->needs & SEYIR_HOLDS_ROWS) != 0; }

    bool wants_timer() const override { return (filter_->needs & SEYIR_WANTS_TIMER) != 0; }

    std::optional<std::string> trouble() const override {
        const std::lock_guard lock(mutex_);
        return troubles_ == nullptr ? std::nullopt : troubles_->say();
    }

  private:
    FilterDescriptionPtr filter_;
    std::shared_ptr<const Settings> settings_;
    AdapterOptions options_;
    mutable std::mutex mutex_;
    std::weak_ptr<PluginInstance> shared_;
    std::shared_ptr<PluginTroubles> troubles_;
};

/// What the plugin's own check says becomes a diagnostic at the value it is about.
void check_settings(
    const FilterDescription& filter,
    const Settings& settings,
    const config::ObjectReader& r,
    component::PlanContext& context
) {
    if (filter.type.check == nullptr || context.diagnostics.has_errors()) {
        return;
    }
    seyir_error error{};
    error.size = sizeof error;
    error.field = -1;
    int32_t status = SEYIR_OK;
    const auto thrown = exception_of([&] { status = filter.type.check(settings.abi(), &error); });
    if (!thrown && status == SEYIR_OK) {
        return;
    }
    error.message[sizeof error.message - 1] = '\0';
    const std::string why = thrown ? *thrown
                            : error.message[0] == '\0'
                                ? "the plugin refuses it and does not say why"
                                : std::string(error.message);
    const Error refused = fail(ErrorCode::kInvalidConfig, why);
    if (error.field >= 0 && static_cast<size_t>(error.field) < filter.fields.size()) {
        const auto& field = filter.fields[static_cast<size_t>(error.field)];
        component::add_value_error(context, r, field.name, config::kNotAllowed, refused);
        return;
    }
    context.diagnostics.add(
        {.code = config::kNotAllowed,
         .at = context.id_span,
         .message = fmt::format("filter `{}`: {}", context.id, why)}
    );
}

}  // namespace

component::FilterType adapt(FilterDescriptionPtr filter, AdapterOptions options) {
    auto plan = [filter, options](
                    const config::ObjectReader& r, component::PlanContext& context
                ) -> component::FilterPlanPtr {
        auto settings = std::make_shared<const Settings>(*filter, r, context.id);
        check_settings(*filter, *settings, r, context);
        return std::make_shared<AdaptedPlan>(filter, std::move(settings), options);
    };
    return {.schema = filter->schema, .plan = std::move(plan)};
}

}  // namespace seyir::plugin

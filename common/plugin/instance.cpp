// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/instance.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace seyir::plugin {
namespace {

constexpr auto kPassingFor = std::chrono::minutes(1);

double to_ms(Nanos time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

PluginTroubles::Watch PluginTroubles::add_watch() {
    auto watch = std::make_shared<std::atomic<int64_t>>(0);
    const std::lock_guard lock(mutex_);
    std::erase_if(watches_, [](const auto& known) { return known.expired(); });
    watches_.push_back(watch);
    return watch;
}

void PluginTroubles::set_fatal(std::string message) {
    const std::lock_guard lock(mutex_);
    if (!fatal_) {
        fatal_ = std::move(message);
    }
}

void PluginTroubles::set_passing(std::string message) {
    const std::lock_guard lock(mutex_);
    passing_ = {std::move(message), clock_.steady_now()};
}

void PluginTroubles::set_over_budget(Nanos spent) {
    const std::lock_guard lock(mutex_);
    passing_ = {
        fmt::format(
            "a batch took the plugin {:.0f} ms, more than its {:.0f} ms",
            to_ms(spent),
            to_ms(budget_)
        ),
        clock_.steady_now()
    };
}

std::optional<std::string> PluginTroubles::say() const {
    const std::lock_guard lock(mutex_);
    if (fatal_) {
        return fmt::format("the plugin gave up: {}", *fatal_);
    }
    const SteadyTime now = clock_.steady_now();
    for (const auto& known : watches_) {
        const auto watch = known.lock();
        const int64_t since = watch == nullptr ? 0 : watch->load();
        const Nanos running = now.time_since_epoch() - Nanos(since);
        if (since != 0 && running > budget_) {
            return fmt::format(
                "a call of the plugin has been running for {:.0f} ms", to_ms(running)
            );
        }
    }
    if (passing_ && now - passing_->at < kPassingFor) {
        return passing_->message;
    }
    return std::nullopt;
}

PluginInstance::PluginInstance(FilterDescriptionPtr filter, const component::RunContext& context)
    : filter_(std::move(filter)), host_(context, filter_->name) {}

PluginInstance::~PluginInstance() {
    if (self_ != nullptr) {
        if (const auto thrown = exception_of([&] { filter_->type.destroy(self_); })) {
            host_.log(SEYIR_LOG_ERROR, "destroy: " + *thrown);
        }
    }
}

Result<std::shared_ptr<PluginInstance>> PluginInstance::create(
    FilterDescriptionPtr filter,
    std::shared_ptr<const Settings> settings,
    const component::RunContext& context
) {
    std::shared_ptr<PluginInstance> made(new PluginInstance(std::move(filter), context));
    seyir_error error{};
    error.size = sizeof error;
    error.field = -1;
    const auto thrown = exception_of([&] {
        made->self_ = made->filter_->type.create(made->host_.abi(), settings->abi(), &error);
    });
    if (!thrown && made->self_ != nullptr) {
        return made;
    }
    error.message[sizeof error.message - 1] = '\0';
    const std::string why = thrown                     ? *thrown
                            : error.message[0] == '\0' ? "the plugin does not say why"
                                                       : std::string(error.message);
    return fail(ErrorCode::kInvalidConfig, fmt::format("filter `{}`: {}", context.id, why));
}

}  // namespace seyir::plugin

// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_watch.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/pipeline/report.hpp"
#include "common/process/service_manager.hpp"

namespace seyir::agent {
namespace {

/// Without a watchdog a hung loop is only logged.
constexpr Nanos kHungAfter = std::chrono::seconds(30);

Nanos limit_of(Nanos watchdog) {
    return watchdog.count() != 0 ? watchdog : kHungAfter;
}

}  // namespace

AgentWatch::AgentWatch(service::PipelineHost& host)
    : host_(host), limit_(limit_of(process::watchdog_interval())) {}

bool AgentWatch::look() {
    const auto hung = host_.engine().hung(io::system_clock().steady_now(), limit_);
    if (hung != hung_ && !hung.empty()) {
        log::error(
            "agent",
            "a loop hangs: the watchdog is not fed",
            {{"loops", fmt::format("{}", fmt::join(hung, ", "))}}
        );
    }
    hung_ = hung;
    if (!hung.empty()) {
        tell_service_manager(fmt::format("hangs: {}", fmt::join(hung, ", ")));
        return false;
    }
    const auto graph = host_.graph();
    uint64_t lag_bytes = 0;
    for (const auto& [id, running] : graph->inputs) {
        const auto* reports = dynamic_cast<const pipeline::ReportsInput*>(running.component.get());
        lag_bytes += reports == nullptr ? 0 : reports->report().lag_bytes.value_or(0);
    }
    const auto components = host_.engine().status();
    const auto ill = std::ranges::find_if(components, [](const auto& c) { return !c.health.ok; });
    const std::string trouble =
        ill == components.end() ? "" : fmt::format("; {}: {}", ill->id, ill->health.message);
    tell_service_manager(fmt::format(
        "{} inputs, {} not acknowledged{}", graph->inputs.size(), format_bytes(lag_bytes), trouble
    ));
    return true;
}

void AgentWatch::tell_service_manager(const std::string& status) {
    if (status == told_) {
        return;
    }
    told_ = status;
    std::string line = "STATUS=" + status;
    std::ranges::replace(line, '\n', ' ');
    process::notify_service_manager(line);
}

}  // namespace seyir::agent

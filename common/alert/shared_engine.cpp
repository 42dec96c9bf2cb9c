// SPDX-License-Identifier: Apache-2.0
#include "common/alert/shared_engine.hpp"

namespace seyir::alert {
namespace {

void add_all(Engine& engine, const Hits& found, UnixNanos now) {
    for (const Hit& hit : found.hits) {
        engine.add(hit.group, hit.ts, hit.line, now);
    }
    if (found.errors != 0) {
        engine.add_errors(found.errors, now);
    }
}

}  // namespace

std::vector<Notice> SharedEngine::count(const Hits& found, UnixNanos now) {
    const std::lock_guard lock(mutex_);
    add_all(engine_, found, now);
    return engine_.due(now);
}

std::vector<Notice> SharedEngine::due(UnixNanos now) {
    const std::lock_guard lock(mutex_);
    return engine_.due(now);
}

void SharedEngine::refill(RefillSource& source, UnixNanos now) {
    Evaluation evaluation(rule_);
    const TimeRange range{now - rule_->text.window, now};
    const Result<void> read = source.read(*rule_, range, [&](const BatchView& view) {
        const Hits& found = evaluation.find(view);
        const std::lock_guard lock(mutex_);
        add_all(engine_, found, now);
    });
    if (!read) {
        const std::lock_guard lock(mutex_);
        engine_.fail("the window could not be filled from the store: " + read.error().message);
    }
}

SharedEngine::State SharedEngine::state() const {
    const std::lock_guard lock(mutex_);
    return {engine_.group_count(), engine_.firing_count()};
}

}  // namespace seyir::alert

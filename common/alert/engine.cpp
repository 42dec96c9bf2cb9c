// SPDX-License-Identifier: Apache-2.0
#include "common/alert/engine.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/units.hpp"

namespace seyir::alert {

std::string_view to_string(Notice::Kind kind) {
    constexpr std::string_view kNames[] = {"firing", "resolved", "rule_failing"};
    return kNames[static_cast<size_t>(kind)];
}

void Engine::Window::advance(int64_t now_step) {
    if (newest_ - now_step > kSteps) {
        *this = Window();  // the clock was set back by more than the window
    }
    if (now_step <= newest_) {
        return;
    }
    const int64_t gone = std::min(now_step - newest_, kSteps);
    for (int64_t i = 1; i <= gone; ++i) {
        uint32_t& slot = counts_[static_cast<size_t>((now_step - gone + i) % kSteps)];
        total_ -= slot;
        slot = 0;
    }
    newest_ = now_step;
}

void Engine::Window::add(int64_t step, int64_t now_step, uint64_t count) {
    advance(now_step);
    step = std::clamp(step, newest_ - kSteps, newest_);
    if (step > newest_ - kSteps) {
        uint32_t& slot = counts_[static_cast<size_t>(step % kSteps)];
        const uint64_t room = UINT32_MAX - slot;
        slot += static_cast<uint32_t>(std::min(count, room));
        total_ += std::min(count, room);
    }
}

uint64_t Engine::Window::count(int64_t now_step) {
    advance(now_step);
    return total_;
}

int64_t Engine::step_of(UnixNanos t) const {
    const int64_t step_ns = std::max<int64_t>(rule_->text.window.count() / kSteps, 1);
    return std::max<int64_t>(t.value, 0) / step_ns + kSteps;
}

void Engine::add(const GroupValues& values, UnixNanos ts, std::string_view line, UnixNanos now) {
    if (ts < now - rule_->text.window) {
        return;
    }
    auto at = groups_.find(values);
    if (at == groups_.end()) {
        if (groups_.size() >= rule_->text.groups_max) {
            ++refused_;
            return;
        }
        at = groups_.try_emplace(values).first;
    }
    Group& group = at->second;
    const int64_t now_step = step_of(now);
    const bool is_empty = group.window.count(now_step) == 0;
    group.window.add(std::min(step_of(ts), now_step), now_step, 1);
    if (is_empty || ts < group.first_ts) {
        group.first_ts = ts;
        group.first_line = line.substr(0, kLineBytesMax);
    }
    if (is_empty || ts >= group.last_ts) {
        group.last_ts = ts;
        group.last_line = line.substr(0, kLineBytesMax);
    }
}

void Engine::add_errors(uint64_t records, UnixNanos now) {
    errors_.add(step_of(now), step_of(now), records);
}

void Engine::fail(std::string problem) {
    problem_ = std::move(problem);
}

/// True when nothing was told within the cooldown.
bool Engine::is_over(std::optional<UnixNanos>& told, UnixNanos now) const {
    if (told && now < *told) {
        told = now;  // the clock was set back
    }
    return !told || now - *told >= rule_->text.cooldown;
}

Notice Engine::notice(
    Notice::Kind kind, const GroupValues& values, const Group& group, uint64_t count, UnixNanos now
) const {
    return {
        .kind = kind,
        .group = values,
        .count = count,
        .at = now,
        .since = group.since,
        .first_line = group.first_line,
        .last_line = group.last_line,
        .problem = "",
    };
}

void Engine::judge(
    const GroupValues& values, Group& group, UnixNanos now, std::vector<Notice>& out
) {
    const uint64_t count = group.window.count(step_of(now));
    if (count >= rule_->text.threshold) {
        if (is_over(group.told, now)) {
            group.since = group.is_firing ? group.since : now;
            group.is_firing = true;
            group.told = now;
            out.push_back(notice(Notice::Kind::kFiring, values, group, count, now));
        }
        return;
    }
    if (group.is_firing) {
        group.is_firing = false;
        if (rule_->text.notify_resolved) {
            out.push_back(notice(Notice::Kind::kResolved, values, group, count, now));
        }
    }
}

void Engine::judge_failing(UnixNanos now, std::vector<Notice>& out) {
    const uint64_t errors = errors_.count(step_of(now));
    std::string problem = problem_;
    if (problem.empty() && refused_ > refused_told_) {
        problem = fmt::format(
            "{} records belong to more than {} groups and were not counted",
            refused_ - refused_told_,
            rule_->text.groups_max
        );
    }
    if (problem.empty() && errors >= rule_->text.threshold) {
        problem = fmt::format("the condition failed on {} records within the window", errors);
    }
    if (problem.empty() || !is_over(failing_told_, now)) {
        return;
    }
    failing_told_ = now;
    refused_told_ = refused_;
    problem_.clear();
    Notice told{.kind = Notice::Kind::kFailing, .count = errors, .at = now, .since = now};
    told.problem = std::move(problem);
    told.group.resize(rule_->text.by.size());
    out.push_back(std::move(told));
}

std::vector<Notice> Engine::due(UnixNanos now) {
    std::vector<Notice> out;
    for (auto at = groups_.begin(); at != groups_.end();) {
        Group& group = at->second;
        judge(at->first, group, now, out);
        const bool is_idle =
            group.window.count(step_of(now)) == 0 && !group.is_firing && is_over(group.told, now);
        at = is_idle ? groups_.erase(at) : std::next(at);
    }
    judge_failing(now, out);
    return out;
}

size_t Engine::firing_count() const {
    return static_cast<size_t>(std::ranges::count_if(groups_, [](const auto& entry) {
        return entry.second.is_firing;
    }));
}

}  // namespace seyir::alert

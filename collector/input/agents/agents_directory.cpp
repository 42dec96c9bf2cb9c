// SPDX-License-Identifier: Apache-2.0
#include "collector/input/agents/agents_directory.hpp"

#include <algorithm>
#include <tuple>

namespace seyir::collector::input {
namespace {

constexpr size_t kLoggedMax = 1024;
constexpr auto kLogAgainAfter = std::chrono::minutes(1);

}  // namespace

AgentsDirectory::Claim AgentsDirectory::claim(
    AgentId agent, uint64_t process_nonce, const LinkPtr& link, const LinkPtr& presumed_dead
) {
    const std::lock_guard lock(mutex_);
    Owner& owner = owners_[agent];
    const bool is_free = !owner.link || !owner.link->alive() || owner.link == presumed_dead ||
                         owner.process_nonce == process_nonce;
    if (!is_free) {
        return {false, owner.link};
    }
    Claim out{true, owner.link};
    owner = {link, process_nonce};
    if (finishing_) {
        link->finish();
    }
    return out;
}

void AgentsDirectory::release(AgentId agent, const LinkPtr& link, UnixNanos now) {
    const std::lock_guard lock(mutex_);
    const auto owner = owners_.find(agent);
    if (owner == owners_.end() || owner->second.link != link) {
        return;
    }
    owners_.erase(owner);
    if (const auto known = agents_.find(agent); known != agents_.end()) {
        known->second.connected = false;
        known->second.since = now;
    }
}

bool AgentsDirectory::connected(const AgentState& state) {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = agents_.try_emplace(state.agent, state);
    bool is_told = false;
    if (!is_new) {
        const auto before = at->second.clock_skew;
        is_told = at->second.clock_is_wrong() && state.clock_skew &&
                  std::chrono::abs(*before - *state.clock_skew) <= wire::kClockSkewMax;
        AgentState next = state;
        next.frames = at->second.frames;
        next.rows = at->second.rows;
        next.raw_bytes = at->second.raw_bytes;
        next.last_frame = at->second.last_frame;
        next.newest_record = at->second.newest_record;
        at->second = next;
    }
    const bool tells = state.clock_is_wrong() && !is_told;
    if (agents_.size() <= kAgentsMax) {
        return tells;
    }
    auto longest_gone = agents_.end();
    for (auto it = agents_.begin(); it != agents_.end(); ++it) {
        const bool older =
            longest_gone == agents_.end() || it->second.since < longest_gone->second.since;
        longest_gone = !it->second.connected && older ? it : longest_gone;
    }
    if (longest_gone != agents_.end()) {
        agents_.erase(longest_gone);
    }
    return tells;
}

void AgentsDirectory::on_frame(
    AgentId agent, uint32_t rows, uint64_t raw_bytes, UnixNanos max_ts, UnixNanos now
) {
    const std::lock_guard lock(mutex_);
    const auto at = agents_.find(agent);
    if (at == agents_.end()) {
        return;
    }
    AgentState& state = at->second;
    state.last_frame = now;
    state.newest_record = rows > 0 ? std::max(state.newest_record, max_ts) : state.newest_record;
    ++state.frames;
    state.rows += rows;
    state.raw_bytes += raw_bytes;
}

void AgentsDirectory::on_event(AgentReport report) {
    const std::lock_guard lock(mutex_);
    if (events_.size() == kEventsMax) {
        events_.pop_front();
    }
    events_.push_back(std::move(report));
}

void AgentsDirectory::on_refused(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++refused_[reason];
}

bool AgentsDirectory::may_log(const std::string& what, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (logged_.size() >= kLoggedMax) {
        std::erase_if(logged_, [&](const auto& entry) {
            return now - entry.second >= kLogAgainAfter;
        });
        if (logged_.size() >= kLoggedMax) {
            return false;
        }
    }
    const auto [at, is_new] = logged_.try_emplace(what, now);
    if (!is_new && now - at->second < kLogAgainAfter) {
        return false;
    }
    at->second = now;
    return true;
}

size_t AgentsDirectory::live() const {
    const std::lock_guard lock(mutex_);
    return owners_.size();
}

void AgentsDirectory::finish_all() {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    for (const auto& [agent, owner] : owners_) {
        if (owner.link) {
            owner.link->finish();
        }
    }
}

AgentsStatus AgentsDirectory::status() const {
    const std::lock_guard lock(mutex_);
    AgentsStatus out;
    for (const auto& [agent, state] : agents_) {
        out.agents.push_back(state);
    }
    std::ranges::sort(out.agents, {}, [](const AgentState& state) {
        return std::tuple(!state.connected, state.hostname, state.agent);
    });
    out.events.assign(events_.begin(), events_.end());
    out.refused = refused_;
    return out;
}

}  // namespace seyir::collector::input

// SPDX-License-Identifier: Apache-2.0
// AgentsDirectory: which live connection owns which agent id, and what is known of every agent.
// Decides between two connections that claim one id; does no I/O.
// Threads: thread-safe.
// Limits: kAgentsMax agents and kEventsMax events are remembered; the longest gone is forgotten.
// Spec: docs/format/wire.md, "Resuming, forks, restores".
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "collector/input/agents/agent_link.hpp"
#include "collector/input/agents/agents_status.hpp"

namespace seyir::collector::input {

class AgentsDirectory {
  public:
    using LinkPtr = std::shared_ptr<AgentLink>;

    static constexpr size_t kAgentsMax = 20'000;
    static constexpr size_t kEventsMax = 200;

    struct Claim {
        bool granted = false;
        LinkPtr other;  ///< granted: the one to fence; else the one to probe (may be none)
    };

    /// Grants the id when nobody live has it, when the same process comes back, or when its owner
    /// is `presumed_dead`.
    Claim claim(
        AgentId agent, uint64_t process_nonce, const LinkPtr& link, const LinkPtr& presumed_dead
    );
    /// The connection ended; a newer owner is left alone.
    void release(AgentId agent, const LinkPtr& link, UnixNanos now);

    /// True when its clock is wrong and was not, or otherwise, at its last connection.
    bool connected(const AgentState& state);
    void on_frame(
        AgentId agent, uint32_t rows, uint64_t raw_bytes, UnixNanos max_ts, UnixNanos now
    );
    void on_event(AgentReport report);
    void on_refused(const std::string& reason);
    /// True at most once a minute for each text: hostile peers cannot fill the log.
    bool may_log(const std::string& what, SteadyTime now);

    size_t live() const;
    void finish_all();
    AgentsStatus status() const;

  private:
    struct Owner {
        LinkPtr link;
        uint64_t process_nonce = 0;
    };

    mutable std::mutex mutex_;
    std::map<AgentId, Owner> owners_;
    std::map<AgentId, AgentState> agents_;
    std::deque<AgentReport> events_;
    std::map<std::string, uint64_t> refused_;
    std::map<std::string, SteadyTime> logged_;
    bool finishing_ = false;
};

}  // namespace seyir::collector::input

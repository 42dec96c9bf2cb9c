// SPDX-License-Identifier: Apache-2.0
// AgentWatch: whether the agent's loops get on, for systemd's watchdog, and one line of what it
// does for `systemctl status`. A loop that hangs is named in the log; then the watchdog is not fed
// and systemd starts the agent anew. Threads: the main thread.
#pragma once

#include <string>
#include <vector>

#include "common/service/pipeline_host.hpp"

namespace seyir::agent {

class AgentWatch {
  public:
    explicit AgentWatch(service::PipelineHost& host);

    /// About every second. False: some loop hangs.
    bool look();

  private:
    void tell_service_manager(const std::string& status);

    service::PipelineHost& host_;
    const Nanos limit_;
    std::vector<std::string> hung_;
    std::string told_;
};

}  // namespace seyir::agent

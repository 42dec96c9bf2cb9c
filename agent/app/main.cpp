// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "agent/app/agent_app.hpp"
#include "agent/app/dry_run.hpp"
#include "common/service/main_program.hpp"

int main(int argc, char** argv) {
    using namespace seyir;
    return service::main_program(
        argc,
        argv,
        "seyir-agent",
        "ships this host's logs to a collector",
        [](const std::string& path) { return agent::load_agent_config(path); },
        agent::AgentApp::run,
        agent::dry_run
    );
}

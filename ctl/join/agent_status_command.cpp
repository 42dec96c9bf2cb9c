// SPDX-License-Identifier: Apache-2.0
// seyir agent status: where the agent of this host stands.
#include <cstdlib>

#include "common/json/reader.hpp"
#include "ctl/print/agent_text.hpp"
#include "ctl/print/status_text.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr const char* kAgentServer = "http://127.0.0.1:7420";

Result<void> run(Arguments arguments) {
    if (!arguments.has("server") && std::getenv("SEYIR_SERVER") == nullptr) {
        arguments.options["server"] = kAgentServer;
    }
    SEYIR_TRY(auto session, Session::open(arguments, "seyir-agent"));
    SEYIR_TRY(const std::string body, session.get("/api/v1/status"));
    json::Document document;
    const auto status = document.parse(body);
    if (!status || !status->get("inputs")) {
        return fail(
            ErrorCode::kInvalidArgument,
            session.client().url() + " is not a seyir-agent; `seyir status` asks a collector"
        );
    }
    if (session.style().form != OutputForm::kHuman) {
        return print(json::to_text(*status) + "\n");
    }
    SEYIR_TRY(const std::string metrics, session.get("/metrics"));
    const bool color = session.style().color;
    return print(
        status_text(*status, color, session.style().utc) + "\n" +
        agent_text(*status, read_metrics(metrics), color)
    );
}

}  // namespace

int agent_status_command(const Arguments& arguments) {
    const auto done = run(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
// seyir reload: has a running program read its configuration again, or tell what that would change.
#include <cstdio>
#include <string>

#include "common/json/reader.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

std::string text_of(const json::View& answer, bool plan_only) {
    const auto changed = answer.get("changed");
    const auto message = answer.get("message");
    std::string text(message ? message->string().value_or("") : "");
    if (!changed || !changed->boolean().value_or(false)) {
        text += "nothing in the pipeline changes\n";
    }
    if (const auto restart = answer.get("needs_restart")) {
        restart->for_each_element([&](const json::View& key) {
            text += std::string(key.string().value_or("")) + " needs a restart\n";
            return true;
        });
    }
    return (plan_only ? "a reload would do this:\n" : "reloaded:\n") + text;
}

Result<void> run(const Arguments& arguments) {
    const bool plan_only = arguments.has("plan");
    SEYIR_TRY(Session session, Session::open(arguments));
    SEYIR_TRY(
        const std::string body,
        plan_only ? session.get("/api/v1/reload/plan") : session.post("/api/v1/reload")
    );
    json::Document document;
    SEYIR_TRY(const json::View answer, document.parse(body));
    if (session.style().form != OutputForm::kHuman) {
        return print(body);
    }
    return print(text_of(answer, plan_only));
}

}  // namespace

int reload_command(const Arguments& arguments) {
    const auto done = run(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
#include "common/json/reader.hpp"
#include "ctl/print/status_text.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

namespace {

Result<void> run_status(const Arguments& arguments) {
    SEYIR_TRY(auto session, Session::open(arguments));
    auto body = session.get("/api/v1/status");
    if (!body && body.error().code == ErrorCode::kNotFound) {
        body = session.get("/health");  // an agent
    }
    if (!body) {
        return body.error();
    }
    json::Document document;
    const auto status = document.parse(*body);
    if (!status) {
        return status.error().context(session.client().url() + " does not answer as Seyir does");
    }
    if (session.style().form != OutputForm::kHuman) {
        return print(json::to_text(*status) + "\n");
    }
    return print(status_text(*status, session.style().color, session.style().utc));
}

}  // namespace

int status_command(const Arguments& arguments) {
    const auto done = run_status(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

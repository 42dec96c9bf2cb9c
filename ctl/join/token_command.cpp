// SPDX-License-Identifier: Apache-2.0
// seyir token create --one-time | ls | revoke NAME: what agents join a collector with.
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/json/reader.hpp"
#include "common/net/http/encoding.hpp"
#include "ctl/print/answer_fields.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr std::chrono::seconds kLifeDefault{3600};

Result<void> create(const Arguments& arguments, Session& session) {
    if (!arguments.has("one-time")) {
        return fail(
            ErrorCode::kInvalidArgument,
            "token create makes one-time tokens: add --one-time; lasting ones stand under "
            "`tokens:` "
            "of the configuration"
        );
    }
    Nanos life = kLifeDefault;
    if (arguments.has("ttl")) {
        SEYIR_TRY(life, parse_duration(arguments.get("ttl")));
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(life).count();
    SEYIR_TRY(
        const std::string body,
        session.post(
            "/api/v1/tokens",
            {{"ttl_seconds", std::to_string(seconds)}, {"name", arguments.get("name")}}
        )
    );
    if (session.style().form != OutputForm::kHuman) {
        return print(body + "\n");
    }
    json::Document document;
    SEYIR_TRY(const json::View answer, document.parse(body));
    const std::string pin = text_of(answer, "ca_pin");
    const auto joinable = answer.get("joinable");
    std::string text = fmt::format(
        "On the agent's host, once, before {}:\n\n  SEYIR_TOKEN={} seyir agent join "
        "{}://HOST:PORT{}\n\n"
        "HOST:PORT is listen.http of this collector, as agents reach it.\n",
        text_of(answer, "expires"),
        text_of(answer, "token"),
        pin.empty() ? "http" : "https",
        pin.empty() ? "" : " --ca-pin " + pin
    );
    if (joinable && !joinable->boolean().value_or(true)) {
        text += "No input `agents` has `join: true` yet: nothing can join until one has.\n";
    }
    return print(text);
}

Result<void> list(Session& session) {
    SEYIR_TRY(const std::string body, session.get("/api/v1/tokens"));
    if (session.style().form != OutputForm::kHuman) {
        return print(body + "\n");
    }
    json::Document document;
    SEYIR_TRY(const json::View answer, document.parse(body));
    std::string text = fmt::format("{:<32} {:<9} {}\n", "AGENT", "KIND", "JOINED OR EXPIRES");
    if (const auto tokens = answer.get("tokens")) {
        for (const json::View& token : tokens->elements()) {
            const std::string name = text_of(token, "agent");
            const std::string joined = text_of(token, "joined");
            text += fmt::format(
                "{:<32} {:<9} {}\n",
                name.empty() ? "(its host's name)" : name,
                text_of(token, "kind"),
                joined.empty() ? text_of(token, "expires") : joined
            );
        }
    }
    return print(text);
}

Result<void> run(const Arguments& arguments) {
    const std::string& what = arguments.values[0];
    SEYIR_TRY(Session session, Session::open(arguments));
    if (what == "create" && arguments.values.size() == 1) {
        return create(arguments, session);
    }
    if (what == "ls" && arguments.values.size() == 1) {
        return list(session);
    }
    if (what == "revoke" && arguments.values.size() == 2) {
        const std::string name = net::percent_encode(arguments.values[1]);
        SEYIR_TRY(const std::string body, session.post("/api/v1/tokens/" + name + "/revoke"));
        return print("revoked: from its next connection on it is refused\n");
    }
    return fail(ErrorCode::kInvalidArgument, "token knows: create --one-time, ls, revoke NAME");
}

}  // namespace

int token_command(const Arguments& arguments) {
    const auto done = run(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
#include "collector/app/join_routes.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/json/reader.hpp"
#include "common/net/certificate_pin.hpp"

namespace seyir::collector {
namespace {

constexpr std::string_view kLog = "audit";
constexpr size_t kJoinBytesMax = 4096;

std::optional<uint64_t> parse_uint(std::string_view text) {
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

int status_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::kInvalidArgument:
            return 400;
        case ErrorCode::kUnauthorized:
            return 401;
        case ErrorCode::kNotFound:
            return 404;
        case ErrorCode::kConflict:
            return 409;
        default:
            return 503;  // nothing was stored; a later try may work
    }
}

void refuse(const net::HttpExchangePtr& exchange, const Error& error) {
    exchange->respond(net::HttpResponse::error(status_of(error), error));
}

class JoinHandlers {
  public:
    JoinHandlers(JoinSources sources, metrics::Registry& registry)
        : sources_(std::move(sources)),
          joined_(registry.counter("seyir_agents_joined_total", "Agents that joined.")),
          refused_(registry.counter(
              "seyir_agent_joins_refused_total", "Attempts to join without a valid one-time token."
          )) {}

    void create(const net::HttpExchangePtr& exchange) {
        const net::HttpRequest& request = exchange->request();
        const auto life = parse_uint(request.parameter("ttl_seconds").value_or("3600"));
        if (!life ||
            *life > static_cast<uint64_t>(AgentTokens::kLifeMax / std::chrono::seconds(1))) {
            refuse(exchange, fail(ErrorCode::kInvalidArgument, "ttl_seconds: 1 to 2592000"));
            return;
        }
        const auto made = sources_.tokens->create_one_time(
            std::string(request.parameter("name").value_or("")), std::chrono::seconds(*life)
        );
        if (!made) {
            refuse(exchange, made.error());
            return;
        }
        std::string pin;
        if (!sources_.certificate.empty()) {
            auto found = net::certificate_pin(sources_.certificate);
            if (!found) {
                refuse(exchange, found.error());
                return;
            }
            pin = *found;
        }
        log::info(
            kLog,
            "one-time token made",
            {{"agent", made->name},
             {"by", request.token_name.empty() ? request.peer : request.token_name},
             {"expires", to_rfc3339(made->expires)}}
        );
        exchange->respond(net::HttpResponse::json(fmt::format(
            R"({{"token":"{}","agent":{},"expires":"{}","ca_pin":{},"joinable":{}}})",
            made->secret,
            json_quote(made->name),
            to_rfc3339(made->expires),
            json_quote(pin),
            sources_.agents_port().has_value()
        )));
    }

    void list(const net::HttpExchangePtr& exchange) {
        std::string out;
        for (const auto& entry : sources_.tokens->list()) {
            out += fmt::format(
                R"({}{{"agent":{},"kind":"{}","{}":"{}"}})",
                out.empty() ? "" : ",",
                json_quote(entry.name),
                entry.is_one_time ? "one-time" : "agent",
                entry.is_one_time ? "expires" : "joined",
                to_rfc3339(entry.time)
            );
        }
        exchange->respond(net::HttpResponse::json(fmt::format(R"({{"tokens":[{}]}})", out)));
    }

    void revoke(const net::HttpExchangePtr& exchange) {
        const net::HttpRequest& request = exchange->request();
        if (const auto done = sources_.tokens->revoke(request.wildcard); !done) {
            refuse(exchange, done.error());
            return;
        }
        log::info(
            kLog,
            "tokens revoked",
            {{"agent", request.wildcard},
             {"by", request.token_name.empty() ? request.peer : request.token_name}}
        );
        exchange->respond(net::HttpResponse::json("{}"));
    }

    void join(const net::HttpExchangePtr& exchange) {
        const net::HttpRequest& request = exchange->request();
        const auto port = sources_.agents_port();
        if (!port) {
            refuse(
                exchange,
                fail(ErrorCode::kNotFound, "no input `agents` of this collector has `join: true`")
            );
            return;
        }
        auto made = exchange_token(request);
        if (!made) {
            refused_.add(1);
            refuse(exchange, made.error());
            return;
        }
        joined_.add(1);
        log::info(kLog, "agent joined", {{"agent", made->name}, {"peer", request.peer}});
        exchange->respond(net::HttpResponse::json(fmt::format(
            R"({{"agent":{},"token":"{}","agents_port":{}}})",
            json_quote(made->name),
            made->secret,
            *port
        )));
    }

  private:
    Result<AgentTokens::Secret> exchange_token(const net::HttpRequest& request) {
        if (request.body.size() > kJoinBytesMax) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("a request to join has at most {} bytes", kJoinBytesMax)
            );
        }
        json::Document document;
        SEYIR_TRY(const json::View root, document.parse(request.body));
        const auto token = root.get("token");
        const auto host = root.get("host");
        if (!token || !token->string() || !host || !host->string()) {
            return fail(ErrorCode::kInvalidArgument, "give `token` and `host`, both text");
        }
        return sources_.tokens->join(*token->string(), *host->string());
    }

    const JoinSources sources_;
    metrics::Counter& joined_;
    metrics::Counter& refused_;
};

}  // namespace

std::vector<net::HttpRoute> join_routes(JoinSources sources, metrics::Registry& registry) {
    const auto handlers = std::make_shared<JoinHandlers>(std::move(sources), registry);
    const auto route = [&handlers](
                           std::string method,
                           std::string path,
                           net::Scope scope,
                           void (JoinHandlers::*handle)(const net::HttpExchangePtr&)
                       ) {
        return net::HttpRoute{
            .method = std::move(method),
            .path = std::move(path),
            .scope = scope,
            .lane = net::Lane::kControl,
            .handler = [handlers, handle](const net::HttpExchangePtr& exchange
                       ) { ((*handlers).*handle)(exchange); },
        };
    };
    return {
        route("POST", "/api/v1/tokens", net::Scope::kAdmin, &JoinHandlers::create),
        route("GET", "/api/v1/tokens", net::Scope::kAdmin, &JoinHandlers::list),
        route("POST", "/api/v1/tokens/{name}/revoke", net::Scope::kAdmin, &JoinHandlers::revoke),
        route("POST", "/api/v1/agents/join", net::Scope::kNone, &JoinHandlers::join),
    };
}

}  // namespace seyir::collector

// SPDX-License-Identifier: Apache-2.0
// HTTP as handlers see it: our own request and response, never the parser's types.
// Threads: a handler runs on the server's handler pool and may block; an HttpExchange may be
// finished from any thread, later.
// Spec: RFC 9110, RFC 9112.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;                                      ///< "GET", "POST", ...
    std::string path;                                        ///< percent-decoded, without query
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order, repeats kept
    HttpHeaders headers;
    std::string body;        ///< content-encoding removed (gzip, deflate), size-limited
    std::string peer;        ///< "127.0.0.1:5012" or "unix"
    std::string token_name;  ///< which configured token authenticated it; "" = none needed
    uint32_t tenant = 0;     ///< of the token; X-Scope-OrgID's where the token allows it
    std::string wildcard;    ///< what the route's {name} segment matched, decoded

    /// First query parameter (also of a form body on POST), decoded.
    std::optional<std::string_view> parameter(std::string_view name) const;
    std::vector<std::string_view> parameters(std::string_view name) const;
    /// Case-insensitive.
    std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    HttpHeaders headers;

    /// {"status":"error","error_code":..,"message":..} with that status.
    static HttpResponse error(int status, const Error& error);
    static HttpResponse text(int status, std::string body);

    static HttpResponse json(std::string body) { return {.body = std::move(body)}; }
};

/// One request being answered. Exactly one of respond(), begin_stream() and begin_websocket() is
/// called. Dropping the
/// last reference unanswered sends 500.
class HttpExchange {
  public:
    virtual ~HttpExchange() = default;
    virtual const HttpRequest& request() const = 0;
    virtual void respond(HttpResponse response) = 0;
    /// Starts a chunked answer (status and content type of `head`, its body ignored).
    virtual void begin_stream(HttpResponse head) = 0;
    /// Sends a piece; blocks under back-pressure; kClosed when the client has gone, kTimeout when
    /// it has not read for the write timeout.
    virtual Result<void> write(std::string_view piece) = 0;
    virtual void end_stream() = 0;

    /// Instead of respond() and begin_stream(): the connection becomes a websocket (RFC 6455).
    /// kInvalidArgument, kUnsupported when the request does not ask for one: then respond().
    virtual Result<void> begin_websocket();
    /// Queues a text message, whole; never blocks. kBackpressure: the client reads too slowly, the
    /// message was not taken; kClosed: it has gone.
    virtual Result<void> try_message(std::string_view text);
    /// What is queued is still sent, then a close frame.
    virtual void end_websocket(uint16_t code, std::string_view reason);

    /// True once the client has gone: long work should stop.
    virtual bool cancelled() const = 0;
};

using HttpExchangePtr = std::shared_ptr<HttpExchange>;
using HttpHandler = std::function<void(HttpExchangePtr)>;

/// What a token must allow; kNone for /ready and /health.
enum class Scope { kNone, kIngest, kRead, kAdmin };

/// Which pool runs the handler: a query can never starve ingest.
enum class Lane { kIngest, kQuery, kControl };

struct HttpRoute {
    std::string method;  ///< "GET", "POST", or "*"
    std::string
        path;  ///< "/loki/api/v1/labels" or with one wildcard segment: "/label/{name}/values"
    Scope scope = Scope::kRead;
    Lane lane = Lane::kQuery;
    HttpHandler handler;
};

}  // namespace seyir::net

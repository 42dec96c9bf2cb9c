// SPDX-License-Identifier: Apache-2.0
// HttpClient: blocking HTTP/1.1 over TCP, TLS or a unix socket; whole answers or as they arrive.
// Threads: one owner; blocks the calling thread only.
// Errors: those of connect() with a hint what to look at; kTimeout without a byte for
// `idle_timeout`; kCorrupt when the answer is no HTTP or ends early. A status of 400 and above is
// an answer, not an error.   Spec: RFC 9112.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/http.hpp"
#include "common/net/http/encoding.hpp"
#include "common/net/http/websocket.hpp"
#include "common/net/tls.hpp"

namespace seyir::net {

struct HttpClientOptions {
    std::shared_ptr<TlsClientContext> tls;  ///< needed for https
    std::string token;                      ///< sent as Bearer; "" = none
    std::string peer_hint;                  ///< "seyir-collector": named when nobody listens
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds idle_timeout{60'000};
};

struct HttpAnswerHead {
    int status = 0;
    HttpHeaders headers;

    std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpAnswer {
    HttpAnswerHead head;
    std::string body;
};

class HttpClient {
  public:
    static Result<HttpClient> open(std::string_view url, HttpClientOptions options);
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;

    struct Request {
        std::string method = "GET";
        std::string target;  ///< "/path?query", escaped
        HttpHeaders headers;
        std::string body;
    };

    /// Sends and waits for the head. Then read() until it gives an empty piece. A connection is
    /// kept for the next request where the server allows it.
    Result<HttpAnswerHead> start(const Request& request);
    /// The next piece of the body; empty = the end. Valid until the next call.
    Result<std::string_view> read();
    /// start() and all of the body; kTooLarge beyond `body_bytes_max`.
    Result<HttpAnswer> fetch(const Request& request, size_t body_bytes_max = 64 * 1024 * 1024);
    /// As start(), asking for a websocket (RFC 6455): after status 101 call read_message().
    Result<HttpAnswerHead> start_websocket(Request request);
    /// The next text message; nothing = the server closed it, close_code() tells why. Waits as long
    /// as it takes when `idle_timeout` is 0; pings are answered meanwhile.
    Result<std::optional<std::string>> read_message();
    uint16_t close_code() const;

    /// Gives up on the answer under way.
    void close();

    const std::string& url() const;

  private:
    struct State;
    explicit HttpClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seyir::net

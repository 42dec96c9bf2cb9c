// SPDX-License-Identifier: Apache-2.0
// HttpServer: routes on one listener (TCP, TLS or a unix socket). Handlers run on the lane of their
// route, so a query never starves ingest. HTTP/1.1 with keep-alive, pipelining, chunked bodies,
// gzip and deflate requests, streamed answers with back-pressure.
// Threads: add_route() before start(); set_routes(), set_authenticator(), local() any time; stop()
// not on a lane or I/O thread.   Errors: start() as listen(); clients get JSON with a remedy.
// Limits: HttpServerOptions; size, number and time hold before authentication is complete.
// Ownership: runtime, lanes and registry outlive it; stop the lanes before the runtime ends.
// Spec: RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/async/runtime.hpp"
#include "common/async/thread_pool.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/http.hpp"
#include "common/net/http/auth.hpp"
#include "common/net/http/request_reader.hpp"
#include "common/net/tls.hpp"

namespace seyir::net {

/// The pools handlers run on; several servers may share them.
struct HttpLanes {
    async::ThreadPool ingest{"http-ingest", 2, 256};
    async::ThreadPool query{"http-query", 4, 64};
    async::ThreadPool control{"http-control", 2, 64};

    async::ThreadPool& of(Lane lane);
    void stop();
};

struct HttpServerOptions {
    std::string name = "http";  ///< label `server` of its metrics
    Endpoint listen;
    std::shared_ptr<TlsServerContext> tls;
    unsigned unix_mode = 0600;
    HttpLimits limits;
    std::chrono::milliseconds header_timeout{10'000};  ///< first byte to end of head, TLS too
    std::chrono::milliseconds body_timeout{30'000};    ///< between two pieces of a body
    std::chrono::milliseconds body_total_timeout{300'000};
    std::chrono::milliseconds idle_timeout{120'000};  ///< between two requests
    std::chrono::milliseconds write_timeout{60'000};  ///< for a piece the client does not read
    std::chrono::milliseconds websocket_ping_interval{15'000};  ///< silence before a ping
    size_t connections_max = 1024;
    size_t stream_bytes_max = 256 * 1024;  ///< of one answer, waiting to be sent
};

class HttpServer {
  public:
    HttpServer(
        async::Runtime& runtime,
        HttpLanes& lanes,
        metrics::Registry& registry,
        HttpServerOptions options
    );
    /// Stops with a deadline of five seconds if stop() was not called.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void add_route(HttpRoute route);
    /// Replaces all routes, from the next request on; what is under way ends on its own route.
    void set_routes(const std::vector<HttpRoute>& routes);
    /// From the next request on. Without one (or an open one) all but kAdmin is allowed, on TCP
    /// under this machine's own names only (browser_guard.hpp).
    void set_authenticator(std::shared_ptr<const Authenticator> authenticator);
    Result<void> start();
    /// With the port the system chose; after start().
    const Endpoint& local() const;
    /// Accepts no more, lets running requests end until the deadline, then cuts them off.
    void stop(SteadyTime deadline);

    struct Shared;

  private:
    std::shared_ptr<Shared> shared_;
};

}  // namespace seyir::net

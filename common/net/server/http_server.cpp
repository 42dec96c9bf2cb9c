// SPDX-License-Identifier: Apache-2.0
#include "common/net/server/http_server.hpp"

#include <array>
#include <chrono>

#include <unistd.h>

#include <boost/asio/this_coro.hpp>

#include "common/async/event.hpp"
#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/net/server/http_connection.hpp"
#include "common/net/server/http_server_shared.hpp"

namespace seyir::net {

using async::Awaitable;
using namespace std::chrono_literals;

async::ThreadPool& HttpLanes::of(Lane lane) {
    switch (lane) {
        case Lane::kIngest:
            return ingest;
        case Lane::kQuery:
            return query;
        case Lane::kControl:
            break;
    }
    return control;
}

void HttpLanes::stop() {
    ingest.stop();
    query.stop();
    control.stop();
}

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

HttpServer::Shared::Shared(
    async::Runtime& r, HttpLanes& l, metrics::Registry& m, HttpServerOptions o
)
    : runtime(r),
      lanes(l),
      registry(m),
      options(std::move(o)),
      machine(host_name()),
      peers(options.connections_max),
      connections(
          m.gauge("seyir_http_connections", "Open HTTP connections.", {{"server", options.name}})
      ),
      connections_refused(m.counter(
          "seyir_http_connections_refused_total",
          "Connections closed at once: connections_max were open, or the peer had its half.",
          {{"server", options.name}}
      )),
      bytes_in(m.counter(
          "seyir_http_received_bytes_total", "Bytes of HTTP requests.", {{"server", options.name}}
      )),
      bytes_out(m.counter(
          "seyir_http_sent_bytes_total", "Bytes of HTTP answers.", {{"server", options.name}}
      )) {}

void HttpServer::Shared::count(const std::string& route, int status, Nanos taken) {
    registry
        .counter(
            "seyir_http_requests_total",
            "HTTP requests answered (499: the client left first).",
            {{"server", options.name}, {"route", route}, {"code", std::to_string(status)}}
        )
        .add();
    registry
        .histogram(
            "seyir_http_request_duration_seconds",
            "From a request's first byte to its answer's last.",
            metrics::latency_buckets(),
            {{"server", options.name}, {"route", route}}
        )
        .observe(std::chrono::duration<double>(taken).count());
}

namespace {

void forget_closed(HttpServer::Shared& shared) {
    std::erase_if(shared.open, [](const auto& weak) { return weak.expired(); });
}

/// The connection's tasks live in a gate of `shared`, which waits for them: a reference is enough.
void take_in(HttpServer::Shared& shared, Stream stream) {
    const std::lock_guard lock(shared.mutex);
    forget_closed(shared);
    if (shared.open.size() >= shared.options.connections_max) {
        shared.connections_refused.add();
        return;
    }
    auto place = shared.peers.take(stream.peer());
    if (!place) {
        shared.connections_refused.add();
        return;
    }
    auto executor = stream.executor();
    auto connection =
        std::make_shared<HttpConnection>(shared, std::move(stream), *std::move(place));
    shared.open.push_back(connection);
    auto spawned = shared.connection_gate.spawn(
        executor, "http connection", HttpConnection::serve(connection)
    );
    if (!spawned) {
        log::debug("http", "a connection came while stopping", {});
    }
}

Awaitable<void> accept_loop(HttpServer::Shared& shared) {
    while (true) {
        auto accepted = co_await shared.listener.accept(shared.runtime.executor());
        if (accepted) {
            take_in(shared, *std::move(accepted));
            continue;
        }
        const auto code = accepted.error().code;
        if (code == ErrorCode::kCancelled ||
            (code == ErrorCode::kClosed && shared.accept_gate.closed())) {
            co_return;
        }
        log::warn("http", "accepting failed", {{"error", accepted.error().message}});
        const SteadyTime later = io::system_clock().steady_now() + 100ms;
        auto slept = co_await async::sleep_until(later);
        if (!slept) {
            co_return;
        }
    }
}

}  // namespace

HttpServer::HttpServer(
    async::Runtime& runtime,
    HttpLanes& lanes,
    metrics::Registry& registry,
    HttpServerOptions options
)
    : shared_(std::make_shared<Shared>(runtime, lanes, registry, std::move(options))) {}

HttpServer::~HttpServer() {
    stop(io::system_clock().steady_now() + 5s);
}

void HttpServer::add_route(HttpRoute route) {
    auto router = std::make_shared<Router>(*shared_->current_router());
    router->add(std::move(route));
    const std::lock_guard lock(shared_->mutex);
    shared_->router = std::move(router);
}

void HttpServer::set_routes(const std::vector<HttpRoute>& routes) {
    auto router = std::make_shared<Router>();
    for (const HttpRoute& route : routes) {
        router->add(route);
    }
    const std::lock_guard lock(shared_->mutex);
    shared_->router = std::move(router);
}

void HttpServer::set_authenticator(std::shared_ptr<const Authenticator> authenticator) {
    const std::lock_guard lock(shared_->mutex);
    shared_->authenticator = std::move(authenticator);
}

Result<void> HttpServer::start() {
    auto executor = shared_->runtime.executor();
    ListenOptions options{.tls = shared_->options.tls, .unix_mode = shared_->options.unix_mode};
    SEYIR_TRY(shared_->listener, listen(executor, shared_->options.listen, std::move(options)));
    return shared_->accept_gate.spawn(executor, "http accept", accept_loop(*shared_));
}

const Endpoint& HttpServer::local() const {
    return shared_->listener.local();
}

void HttpServer::stop(SteadyTime deadline) {
    auto& shared = *shared_;
    {
        const std::lock_guard lock(shared.mutex);
        if (shared.stopped) {
            return;
        }
        shared.stopped = true;
    }
    shared.draining = true;
    auto accepting = shared.accept_gate.stop(deadline);
    if (!accepting) {
        log::warn("http", "stopping to accept", {{"error", accepting.error().message}});
    } else {
        shared.listener.close();
    }
    {
        const std::lock_guard lock(shared.mutex);
        for (const auto& weak : shared.open) {
            if (auto connection = weak.lock()) {
                connection->begin_drain();
            }
        }
    }
    auto drained = shared.connection_gate.drain(deadline);
    if (!drained) {
        log::warn(
            "http",
            "requests still under way are cut off",
            {{"server", shared.options.name},
             {"tasks", std::to_string(shared.connection_gate.running())}}
        );
        shared.connection_gate.close();
        shared.connection_gate.cancel();
        drained = shared.connection_gate.drain(io::system_clock().steady_now() + 5s);
    }
    shared.connection_gate.close();
}

}  // namespace seyir::net

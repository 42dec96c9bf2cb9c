// SPDX-License-Identifier: Apache-2.0
// What a server and its connections share; for http_server.cpp and http_connection.cpp only.
// Threads: options and metrics are immutable after start; the rest locks.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

#include "common/async/gate.hpp"
#include "common/net/http/router.hpp"
#include "common/net/peer_share.hpp"
#include "common/net/server/http_server.hpp"
#include "common/net/stream.hpp"

namespace seyir::net {

class HttpConnection;

struct HttpServer::Shared {
    Shared(async::Runtime& r, HttpLanes& l, metrics::Registry& m, HttpServerOptions o);

    std::shared_ptr<const Authenticator> current_authenticator() const {
        const std::lock_guard lock(mutex);
        return authenticator;
    }

    std::shared_ptr<const Router> current_router() const {
        const std::lock_guard lock(mutex);
        return router;
    }

    /// `route` is the pattern, "unmatched" for none.
    void count(const std::string& route, int status, Nanos taken);

    async::Runtime& runtime;
    HttpLanes& lanes;
    metrics::Registry& registry;
    const HttpServerOptions options;
    const std::string machine;  ///< this host's name
    PeerShare peers;

    metrics::Gauge& connections;
    metrics::Counter& connections_refused;
    metrics::Counter& bytes_in;
    metrics::Counter& bytes_out;

    mutable std::mutex mutex;
    std::shared_ptr<const Router> router = std::make_shared<Router>();
    std::shared_ptr<const Authenticator> authenticator = std::make_shared<Authenticator>();
    std::list<std::weak_ptr<HttpConnection>> open;
    bool stopped = false;

    Listener listener;
    std::atomic<bool> draining{false};
    // Last: its destructor waits for the tasks, which use the rest.
    async::Gate connection_gate;
    async::Gate accept_gate;
};

}  // namespace seyir::net

// SPDX-License-Identifier: Apache-2.0
// Servers: a program's HTTP listeners: `listen.http` (tokens, TLS) and the admin unix socket (its
// owner alone may open it, and may do everything). Both have the same routes; those of scope
// kAdmin are answered on `listen.http` to a token with that scope only.
// Threads: start and stop belong to one thread.   Ownership: what handlers use outlives stop().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/sections/sections.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/server/http_server.hpp"

namespace seyir::service {

struct ServersOptions {
    config::ListenOptions listen;
    config::ServerTls tls;
    std::vector<config::TokenOptions> tokens;
};

class Servers {
  public:
    Servers(metrics::Registry& registry, ServersOptions options);
    ~Servers();
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    /// Before start().
    void add_routes(const std::vector<net::HttpRoute>& routes);
    /// Of inputs: replaces what was mounted before, also while running.
    void mount(const std::vector<net::HttpRoute>& routes);
    /// kInvalidConfig for certificates, kIo and kRefused for addresses, naming them.
    Result<void> start();
    void stop(SteadyTime deadline);

    /// Where HTTP really listens (port 0 resolved); nothing when it is off.
    std::optional<std::string> http_address() const;

  private:
    Result<void> start_http();
    Result<void> start_admin();
    std::vector<net::HttpRoute> all_routes() const;

    metrics::Registry& registry_;
    const ServersOptions options_;
    std::vector<net::HttpRoute> routes_;
    std::vector<net::HttpRoute> mounted_;
    async::Runtime runtime_{"http", 1};
    net::HttpLanes lanes_;
    std::unique_ptr<net::HttpServer> http_;
    std::unique_ptr<net::HttpServer> admin_;
};

}  // namespace seyir::service

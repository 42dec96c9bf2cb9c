// SPDX-License-Identifier: Apache-2.0
#include "common/service/servers.hpp"

#include <utility>

#include "common/base/log.hpp"
#include "common/component/credentials.hpp"

namespace seyir::service {

Servers::Servers(metrics::Registry& registry, ServersOptions options)
    : registry_(registry), options_(std::move(options)) {}

Servers::~Servers() {
    stop(SteadyTime::min());
}

void Servers::add_routes(const std::vector<net::HttpRoute>& routes) {
    routes_.insert(routes_.end(), routes.begin(), routes.end());
}

std::vector<net::HttpRoute> Servers::all_routes() const {
    std::vector<net::HttpRoute> all = routes_;
    all.insert(all.end(), mounted_.begin(), mounted_.end());
    return all;
}

void Servers::mount(const std::vector<net::HttpRoute>& routes) {
    mounted_ = routes;
    const std::vector<net::HttpRoute> all = all_routes();
    for (net::HttpServer* server : {http_.get(), admin_.get()}) {
        if (server != nullptr) {
            server->set_routes(all);
        }
    }
}

Result<void> Servers::start() {
    if (options_.listen.http) {
        SEYIR_CHECK(start_http());
    }
    if (!options_.listen.admin_path.empty()) {
        SEYIR_CHECK(start_admin());
    }
    return {};
}

Result<void> Servers::start_http() {
    net::HttpServerOptions server;
    server.name = "http";
    server.listen = {.host = options_.listen.http->host, .port = options_.listen.http->port};
    SEYIR_TRY(server.tls, component::load_server_tls(options_.tls));
    SEYIR_TRY(auto authenticator, component::make_authenticator(options_.tokens));
    authenticator.set_admin_path(options_.listen.admin_path);
    http_ = std::make_unique<net::HttpServer>(runtime_, lanes_, registry_, std::move(server));
    http_->set_authenticator(std::make_shared<net::Authenticator>(std::move(authenticator)));
    http_->set_routes(all_routes());
    SEYIR_CHECK(http_->start());
    log::info("http", "listening", {{"address", http_->local().text()}});
    return {};
}

Result<void> Servers::start_admin() {
    net::HttpServerOptions server;
    server.name = "admin";
    server.listen = {.unix_path = options_.listen.admin_path};
    server.unix_mode = 0600;
    admin_ = std::make_unique<net::HttpServer>(runtime_, lanes_, registry_, std::move(server));
    admin_->set_authenticator(std::make_shared<net::Authenticator>(net::Authenticator::for_owner())
    );
    admin_->set_routes(all_routes());
    return admin_->start();
}

void Servers::stop(SteadyTime deadline) {
    if (http_) {
        http_->stop(deadline);
    }
    if (admin_) {
        admin_->stop(deadline);
    }
    lanes_.stop();
}

std::optional<std::string> Servers::http_address() const {
    return http_ ? std::optional(http_->local().text()) : std::nullopt;
}

}  // namespace seyir::service

// SPDX-License-Identifier: Apache-2.0
#include "common/service/servers.hpp"

#include <utility>

#include "common/base/log.hpp"

namespace seyir::service {

Result<net::Authenticator> make_authenticator(const std::vector<config::TokenOptions>& tokens) {
    std::vector<net::TokenRule> rules;
    for (const config::TokenOptions& token : tokens) {
        net::TokenRule rule;
        rule.name = token.name;
        rule.sha256_hex = token.token.empty() ? token.sha256 : net::sha256_hex(token.token);
        rule.tenant = token.tenant;
        if (token.may_ingest) {
            rule.scopes.push_back(net::Scope::kIngest);
        }
        if (token.may_read) {
            rule.scopes.push_back(net::Scope::kRead);
        }
        if (token.may_admin) {
            rule.scopes.push_back(net::Scope::kAdmin);
        }
        if (token.expires) {
            rule.expires = *token.expires;
        }
        rules.push_back(std::move(rule));
    }
    return net::Authenticator::build(std::move(rules));
}

Result<std::shared_ptr<net::TlsServerContext>> load_server_tls(const config::ServerTls& tls) {
    if (!tls.is_on()) {
        return std::shared_ptr<net::TlsServerContext>();
    }
    return net::TlsServerContext::load(
        {.cert = tls.cert, .key = tls.key, .client_ca = tls.client_ca}
    );
}

Servers::Servers(metrics::Registry& registry, ServersOptions options)
    : registry_(registry), options_(std::move(options)) {}

Servers::~Servers() {
    stop(SteadyTime::min());
}

void Servers::add_routes(const std::vector<net::HttpRoute>& routes) {
    routes_.insert(routes_.end(), routes.begin(), routes.end());
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
    SEYIR_TRY(server.tls, load_server_tls(options_.tls));
    SEYIR_TRY(auto authenticator, make_authenticator(options_.tokens));
    http_ = std::make_unique<net::HttpServer>(runtime_, lanes_, registry_, std::move(server));
    http_->set_authenticator(std::make_shared<net::Authenticator>(std::move(authenticator)));
    for (const net::HttpRoute& route : routes_) {
        http_->add_route(route);
    }
    SEYIR_CHECK(http_->start());
    log::info("http", "listening", {{"address", http_->local().text()}});
    return {};
}

Result<void> Servers::start_admin() {
    net::HttpServerOptions server;
    server.name = "admin";
    server.listen = {.unix_path = options_.listen.admin_path};
    server.unix_mode = 0660;
    admin_ = std::make_unique<net::HttpServer>(runtime_, lanes_, registry_, std::move(server));
    for (const net::HttpRoute& route : routes_) {
        admin_->add_route(route);
    }
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

// SPDX-License-Identifier: Apache-2.0
#include "common/component/credentials.hpp"

#include <utility>

namespace seyir::component {

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

}  // namespace seyir::component

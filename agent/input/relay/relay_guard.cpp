// SPDX-License-Identifier: Apache-2.0
#include "agent/input/relay/relay_guard.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/net/endpoint.hpp"

namespace seyir::agent::input {

std::string host_without_port(std::string_view host) {
    if (host.starts_with('[')) {
        host = host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1);
    } else if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
        host = host.substr(0, colon);
    }
    std::string out(host);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

Result<void> RelayGuard::check(const net::HttpRequest& request) const {
    const auto origin = request.header("Origin");
    if (origin && std::ranges::find(origins, *origin) == origins.end()) {
        return fail(
            ErrorCode::kRefused,
            fmt::format("requests from pages of {} are not taken; see `origins`", *origin)
        );
    }
    if (is_unix) {
        return {};
    }
    const std::string host = host_without_port(request.header("Host").value_or(""));
    const bool is_own = net::Endpoint{.host = host, .port = 0, .unix_path = ""}.is_loopback();
    if (!is_own && std::ranges::find(hosts, host) == hosts.end()) {
        return fail(
            ErrorCode::kRefused,
            fmt::format("the request is for the host `{}`, not for this one; see `hosts`", host)
        );
    }
    return {};
}

}  // namespace seyir::agent::input

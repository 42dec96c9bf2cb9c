// SPDX-License-Identifier: Apache-2.0
// RelayGuard: which requests a local relay takes.
// Threads: immutable.   Errors: kRefused with what is wrong, for the client.
// Spec: RFC 9110, 7.2 (Host); RFC 6454 (Origin).
#pragma once

#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/net/http.hpp"

namespace seyir::agent::input {

struct RelayGuard {
    bool is_unix = false;              ///< no browser reaches a unix socket: any Host will do
    std::vector<std::string> hosts;    ///< names besides this machine's own, without port
    std::vector<std::string> origins;  ///< as browsers send them

    Result<void> check(const net::HttpRequest& request) const;
};

/// "example.org:80" -> "example.org", "[::1]:80" -> "::1", in lower case.
std::string host_without_port(std::string_view host);

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a peer listens, as people write it.
// Threads: a value.   Errors: kInvalidArgument with what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::net {

struct Endpoint {
    std::string host;       ///< name or address, without brackets; "" for a unix socket
    uint16_t port = 0;      ///< 0 when listening: the system chooses
    std::string unix_path;  ///< "" for TCP

    bool is_unix() const { return !unix_path.empty(); }

    /// True for 127.0.0.0/8, ::1, "localhost" and unix sockets.
    bool is_loopback() const;
    /// "127.0.0.1:7410", "[::1]:7410", "unix:/run/seyir/admin.sock".
    std::string text() const;

    bool operator==(const Endpoint&) const = default;
};

/// Reads what text() writes, also "/path" as a unix socket and ":7410" as every address.
/// `default_port` (not 0) makes the port optional.
Result<Endpoint> parse_endpoint(std::string_view text, uint16_t default_port = 0);

}  // namespace seyir::net

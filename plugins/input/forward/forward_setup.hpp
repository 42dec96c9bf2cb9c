// SPDX-License-Identifier: Apache-2.0
// What ForwardInput is built from, after configuration and TLS files were read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/tls.hpp"
#include "plugins/forward/handshake.hpp"
#include "plugins/input/forward/forward_rows.hpp"

namespace seyir::plugins::forward {

struct ForwardSetup {
    std::string id = "forward";                  ///< of the input, for logs and metrics
    std::vector<net::Endpoint> listen;           ///< TCP and unix sockets; at least one
    std::shared_ptr<net::TlsServerContext> tls;  ///< none = plain; unix sockets always are
    std::string shared_key;                      ///< "": nobody has to know one
    std::vector<User> users;                     ///< needs shared_key
    std::string hostname = "seyir";              ///< how we call ourselves in the handshake
    RowSettings rows;
    size_t io_threads = 2;
    uint32_t connections_max = 1000;
    uint64_t message_bytes_max = 32 * kMiB;   ///< as received
    uint64_t inflated_bytes_max = 64 * kMiB;  ///< a message's entries, decompressed
    uint64_t in_flight_bytes_max = 256 * kMiB;
    Nanos handshake_timeout = std::chrono::seconds(10);  ///< TLS and PING together
    Nanos message_timeout = std::chrono::seconds(60);    ///< from its first byte to its last
    Nanos retry_after = std::chrono::seconds(1);         ///< of batches nobody waits for
};

}  // namespace seyir::plugins::forward

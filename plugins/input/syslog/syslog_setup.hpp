// SPDX-License-Identifier: Apache-2.0
// What SyslogInput is built from, after configuration and TLS files were read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/tls.hpp"
#include "plugins/input/syslog/syslog_rows.hpp"

namespace seyir::plugins::syslog {

struct SyslogSetup {
    std::string id = "syslog";
    std::vector<net::Endpoint> udp;
    std::vector<net::Endpoint> tcp;  ///< TCP and unix stream sockets
    std::vector<net::Endpoint> tls_listen;
    std::vector<std::string> unix_datagram;  ///< paths, as /dev/log
    std::shared_ptr<net::TlsServerContext> tls;
    RowOptions rows;
    size_t message_bytes_max = 64 * kKiB;
    uint32_t connections_max = 1000;
    uint64_t in_flight_bytes_max = 64 * kMiB;
    Nanos idle_timeout = std::chrono::minutes(10);
    Nanos message_timeout = std::chrono::seconds(60);  ///< from its first byte to its last
    Nanos retry_after = std::chrono::seconds(1);
};

}  // namespace seyir::plugins::syslog

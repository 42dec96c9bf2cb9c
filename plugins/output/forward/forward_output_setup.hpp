// SPDX-License-Identifier: Apache-2.0
// What ForwardOutput is built from, after configuration and TLS files were read.
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
#include "plugins/forward/handshake.hpp"

namespace seyir::plugins::forward {

enum class LabelPlace : uint8_t {
    kNested,  ///< one map under `labels`
    kFlat,    ///< beside the attributes, which win where names are equal
    kNone,
};

struct ChunkOptions {
    std::string tag = "seyir.{{.labels.service_name}}";  ///< a TextTemplate
    std::string line_key = "log";
    LabelPlace labels = LabelPlace::kNested;
    bool uses_gzip = false;
    bool wants_ack = true;
    uint64_t chunk_bytes_max = 2 * kMiB;  ///< of entries, before compression
};

struct ForwardOutputSetup {
    std::string id = "forward";                  ///< of the output, for logs and metrics
    std::vector<net::Endpoint> endpoints;        ///< tried in order; at least one
    std::shared_ptr<net::TlsClientContext> tls;  ///< none = plain
    std::string shared_key;                      ///< "": the server asks for none
    User user;
    std::string hostname = "seyir";  ///< how we call ourselves in the handshake
    ChunkOptions chunks;
    uint64_t group_bytes_max = 8 * kMiB;  ///< raw bytes written before acks are waited for
    Nanos connect_timeout = std::chrono::seconds(10);
    Nanos ack_timeout = std::chrono::seconds(60);
    Nanos retry_pause = std::chrono::milliseconds(200);  ///< before "not delivered" is said
};

}  // namespace seyir::plugins::forward

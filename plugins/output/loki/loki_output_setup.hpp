// SPDX-License-Identifier: Apache-2.0
// What LokiOutput is built from, after configuration and TLS files were read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/net/tls.hpp"

namespace seyir::plugins::loki {

enum class PushEncoding : uint8_t { kProtobuf, kJson };

struct PushOptions {
    PushEncoding encoding = PushEncoding::kProtobuf;
    bool has_metadata = true;  ///< attributes are sent as structured metadata
    /// Added to each stream, and in the place of its own labels of these names.
    std::vector<std::pair<std::string, std::string>> labels;
};

struct LokiOutputSetup {
    std::string id = "loki";  ///< of the output, for logs and metrics
    std::string url;          ///< with port, without the push path: "http://127.0.0.1:3100"
    std::string target;       ///< "/loki/api/v1/push"
    std::string tenant;       ///< X-Scope-OrgID; "" = none is sent
    std::string user;         ///< of basic authentication; "" = none
    std::string password;
    std::string token;  ///< bearer; "" = none
    std::shared_ptr<net::TlsClientContext> tls;
    PushOptions push;
    uint64_t batch_bytes_max = 1 * kMiB;  ///< line bytes of one push
    std::chrono::milliseconds timeout{10'000};
    Nanos retry_pause = std::chrono::milliseconds(200);  ///< doubles with each attempt
    int attempts = 3;                                    ///< of one push, before kRetry is said
};

}  // namespace seyir::plugins::loki

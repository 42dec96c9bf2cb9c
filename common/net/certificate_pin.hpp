// SPDX-License-Identifier: Apache-2.0
// Certificate pins: `sha256:` and the SHA-256 of a certificate (DER) in hex. Whoever knows the pin
// of the topmost certificate a server shows needs no file to trust it the first time.
// Threads: pure functions; fetch_pinned() blocks.
// Errors: kInvalidConfig for files, kUnauthorized when no certificate shown has the pin.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/endpoint.hpp"

namespace seyir::net {

/// Of the last certificate in a PEM file: the authority where it is there, else the leaf.
Result<std::string> certificate_pin(const std::string& pem_file);

/// Connects, looks at the certificates shown and gives (PEM) the one that has the pin. Sends
/// nothing else: the caller connects again and verifies against what it got.
Result<std::string> fetch_pinned(
    const Endpoint& server, std::string_view pin, std::chrono::seconds timeout
);

}  // namespace seyir::net

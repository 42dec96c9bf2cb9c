// SPDX-License-Identifier: Apache-2.0
// From configured tokens and certificates to what listeners use.
// Threads: pure, but for reading the files.   Errors: kInvalidConfig, kIo naming the file.
#pragma once

#include <memory>
#include <vector>

#include "common/config/sections/sections.hpp"
#include "common/net/http/auth.hpp"
#include "common/net/tls.hpp"

namespace seyir::component {

/// The authenticator the configured tokens make; open when there are none.
Result<net::Authenticator> make_authenticator(const std::vector<config::TokenOptions>& tokens);

/// Nothing when TLS is off.
Result<std::shared_ptr<net::TlsServerContext>> load_server_tls(const config::ServerTls& tls);

}  // namespace seyir::component

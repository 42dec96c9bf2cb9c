// SPDX-License-Identifier: Apache-2.0
// The small encodings of HTTP: percent, form, base64, URLs.
// Threads: pure functions.   Spec: RFC 3986, RFC 4648, the URL standard's urlencoded form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/net/endpoint.hpp"

namespace seyir::net {

/// Nothing on a broken escape or on %00 (no name of ours holds a NUL, and C interfaces end there).
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// Everything but letters, digits and -._~ is escaped.
std::string percent_encode(std::string_view text);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=x+y"; nothing on a broken escape or beyond `parameters_max`.
std::optional<QueryParameters> parse_query(std::string_view text, size_t parameters_max = 1000);

/// Standard alphabet, padding required. Nothing on anything else.
std::optional<std::string> base64_decode(std::string_view text);

/// Where a server is: "http://127.0.0.1:7400", "https://logs.example", "unix:/run/x.sock".
struct ServerUrl {
    bool is_tls = false;
    Endpoint endpoint;
    std::string base_path;  ///< "" or "/seyir": put before every path
};

/// Ports default to `default_port`; "host:port" alone means http.
Result<ServerUrl> parse_server_url(std::string_view text, uint16_t default_port);

}  // namespace seyir::net

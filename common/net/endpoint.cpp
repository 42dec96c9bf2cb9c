// SPDX-License-Identifier: Apache-2.0
#include "common/net/endpoint.hpp"

#include <charconv>

#include <arpa/inet.h>

namespace seyir::net {

namespace {

// sockaddr_un holds 108 bytes with its terminator.
constexpr size_t kUnixPathBytesMax = 107;

Error bad_endpoint(std::string_view text, std::string_view why) {
    return fail(
        ErrorCode::kInvalidArgument,
        "\"" + std::string(text) + "\": " + std::string(why) +
            " (write 127.0.0.1:7410, [::1]:7410 or unix:/path)"
    );
}

Result<Endpoint> unix_endpoint(std::string_view text, std::string_view path) {
    if (path.empty()) {
        return bad_endpoint(text, "the path of the unix socket is missing");
    }
    if (path.size() > kUnixPathBytesMax) {
        return bad_endpoint(text, "the path of a unix socket holds at most 107 bytes");
    }
    return Endpoint{.unix_path = std::string(path)};
}

}  // namespace

bool Endpoint::is_loopback() const {
    if (is_unix() || host == "localhost" || host == "::1") {
        return true;
    }
    in_addr v4{};
    return inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24U) == 127;
}

std::string Endpoint::text() const {
    if (is_unix()) {
        return "unix:" + unix_path;
    }
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text, uint16_t default_port) {
    if (text.starts_with("unix:")) {
        return unix_endpoint(text, text.substr(5));
    }
    if (text.starts_with("/")) {
        return unix_endpoint(text, text);
    }
    Endpoint endpoint;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with("[")) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return bad_endpoint(text, "the bracket is not closed");
        }
        endpoint.host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        has_port = rest.starts_with(":");
        if (!rest.empty() && !has_port) {
            return bad_endpoint(text, "only a port may follow the bracket");
        }
        port = has_port ? rest.substr(1) : rest;
    } else {
        const size_t colon = text.rfind(':');
        has_port = colon != std::string_view::npos;
        endpoint.host = text.substr(0, colon);
        port = has_port ? text.substr(colon + 1) : std::string_view();
        if (endpoint.host.find(':') != std::string::npos) {
            return bad_endpoint(text, "an IPv6 address needs brackets");
        }
    }
    if (!has_port && default_port == 0) {
        return bad_endpoint(text, "the port is missing");
    }
    if (!has_port) {
        endpoint.port = default_port;
    } else {
        const auto [end, code] =
            std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
        if (port.empty() || code != std::errc() || end != port.data() + port.size()) {
            return bad_endpoint(text, "the port is not a number from 0 to 65535");
        }
    }
    if (endpoint.host.empty()) {
        if (!has_port) {
            return bad_endpoint(text, "the address is missing");
        }
        endpoint.host = "0.0.0.0";
    }
    return endpoint;
}

}  // namespace seyir::net

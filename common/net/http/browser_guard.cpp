// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/browser_guard.hpp"

#include <algorithm>
#include <string>

#include <arpa/inet.h>

#include <fmt/format.h>

namespace seyir::net {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return out;
}

/// `localhost:7400` -> `localhost`; `[::1]:7400` -> `::1`.
std::string_view without_port(std::string_view authority) {
    if (authority.starts_with('[')) {
        const size_t close = authority.find(']');
        return close == std::string_view::npos ? authority : authority.substr(1, close - 1);
    }
    return authority.substr(0, authority.find(':'));
}

/// `localhost:7400` -> `:7400`; "" without one.
std::string_view port_of(std::string_view authority) {
    const size_t colon = authority.rfind(':');
    const size_t close = authority.rfind(']');
    const bool has_port =
        colon != std::string_view::npos && (close == std::string_view::npos || colon > close);
    return has_port ? authority.substr(colon) : std::string_view();
}

bool is_address(const std::string& name) {
    in6_addr address{};
    return inet_pton(AF_INET, name.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

/// A name that no stranger's DNS server is asked about.
bool is_own_name(std::string_view authority, std::string_view machine) {
    std::string name = lower(without_port(authority));
    if (name.ends_with('.')) {
        name.pop_back();
    }
    return is_address(name) || name == "localhost" || name.ends_with(".localhost") ||
           (!machine.empty() && name == lower(machine));
}

/// `Logs.example:443` of https -> `logs.example`: browsers leave a scheme's own port out of Origin
/// and Host, other clients may write it.
std::string plain_authority(std::string_view authority, bool is_tls) {
    const std::string_view port = is_tls ? ":443" : ":80";
    if (authority.ends_with(port)) {
        authority.remove_suffix(port.size());
    }
    return lower(authority);
}

/// Of a page this program served under `host`. `null` (a file, a sandboxed frame) is not.
bool is_same_site(std::string_view origin, std::string_view host) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (origin.starts_with(scheme)) {
            const bool is_tls = scheme == "https://";
            return plain_authority(origin.substr(scheme.size()), is_tls) ==
                   plain_authority(host, is_tls);
        }
    }
    return false;
}

/// Text of a stranger in a message: short and printable.
std::string shown(std::string_view text) {
    std::string out(text.substr(0, 100));
    std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
}

}  // namespace

std::optional<Error> browser_refusal(
    const HttpRequest& request, bool is_open, std::string_view machine
) {
    const std::string_view host = request.header("host").value_or("");
    if (is_open && !host.empty() && !is_own_name(host, machine)) {
        return fail(
            ErrorCode::kRefused,
            fmt::format(
                "without `tokens:` this listener answers to its address and to `localhost` only, "
                "not to the name \"{}\": ask it as 127.0.0.1{}, or configure tokens",
                shown(host),
                shown(port_of(host))
            )
        );
    }
    const auto origin = request.header("origin");
    if (origin && !is_same_site(*origin, host)) {
        return fail(
            ErrorCode::kRefused,
            fmt::format(
                "a page of \"{}\" may not ask \"{}\": only pages this program serves itself may",
                shown(*origin),
                shown(host)
            )
        );
    }
    const bool is_link = request.header("sec-fetch-mode") == "navigate";
    if (request.header("sec-fetch-site") == "cross-site" && !(is_link && request.method == "GET")) {
        return fail(ErrorCode::kRefused, "a page of another site may not ask this");
    }
    return std::nullopt;
}

}  // namespace seyir::net

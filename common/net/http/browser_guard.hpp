// SPDX-License-Identifier: Apache-2.0
// What a web page a user happens to visit must not do with a listener that the user's browser can
// reach: ask it in another site's name (CSRF), or under a name of its own that it has pointed at
// this machine (DNS rebinding). Programs other than browsers send neither Origin nor Sec-Fetch-*.
// Threads: pure.   Errors: kRefused, answered with 403; says what would be right.
// Spec: RFC 6454 (Origin), RFC 9110 7.2 (Host), W3C Fetch Metadata Request Headers.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/http.hpp"

namespace seyir::net {

/// Nothing: the request may go on. `is_open`: no token is asked for, so the Host must be one that
/// nobody else's DNS can answer for: an address, `localhost`, or `machine` (this host's name).
std::optional<Error> browser_refusal(
    const HttpRequest& request, bool is_open, std::string_view machine
);

}  // namespace seyir::net

// SPDX-License-Identifier: Apache-2.0
// The small texts of an HTTP answer's head.
// Threads: pure.   Spec: RFC 9110 5.5, 5.6.7, 15.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.hpp"

namespace seyir::net {

/// "Not Found"; "Unknown" for a number without a name.
std::string_view status_text(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(UnixNanos t);

/// `name: value\r\n`; control bytes, which could begin another header, become spaces.
void append_header(std::string& head, std::string_view name, std::string_view value);

}  // namespace seyir::net

// SPDX-License-Identifier: Apache-2.0
// Takes the content-encoding off a body: gzip and deflate, bounded in size and ratio.
// Threads: pure.   Errors: kInvalidArgument (corrupt), kTooLarge (limit), kUnsupported (encoding).
// Spec: RFC 9110 8.4, RFC 1950, RFC 1952.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/http/request_reader.hpp"

namespace seyir::net {

/// `encoding` as in the header; "" and "identity" give the body back.
Result<std::string> decode_content(
    std::string_view encoding, std::string body, const HttpLimits& limits
);

/// The other way, for clients and tests.
std::string gzip(std::string_view bytes);

}  // namespace seyir::net

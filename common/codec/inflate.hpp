// SPDX-License-Identifier: Apache-2.0
// gzip and zstd streams of unknown size, bounded: what other programs' protocols carry.
// Threads: pure functions.
// Errors: kCorrupt when the bytes are not such a stream or end early; kTooLarge beyond a limit, as
// soon as it is reached (memory never exceeds bytes_max and a window).
// Format: RFC 1952 (several members one after another are one stream), RFC 8878 (so are frames).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::codec {

struct InflateLimits {
    size_t bytes_max = 64 * 1024 * 1024;
    size_t ratio_max = 1000;  ///< inflated : packed, above 1 MiB inflated
};

Result<std::string> gzip_inflate(std::string_view packed, const InflateLimits& limits);
Result<std::string> zstd_inflate(std::string_view packed, const InflateLimits& limits);

std::string gzip_deflate(std::string_view raw);

}  // namespace seyir::codec

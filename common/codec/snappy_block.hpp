// SPDX-License-Identifier: Apache-2.0
// Snappy's block format, as Loki's and Prometheus' protobuf pushes are compressed.
// Threads: pure functions.
// Errors: kCorrupt when the bytes are not snappy, kTooLarge beyond `raw_bytes_max` (the format
// states its size up front: it is checked before anything is allocated).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::codec {

Result<std::string> snappy_decompress(std::string_view bytes, size_t raw_bytes_max);

/// For tests and clients.
std::string snappy_compress(std::string_view raw);

}  // namespace seyir::codec

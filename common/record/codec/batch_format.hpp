// SPDX-License-Identifier: Apache-2.0
// The constants the two halves of the batch payload codec share.
// Format: docs/format/batch.md; nothing here may be renumbered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "common/base/error.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::format {

inline constexpr char kMagic[2] = {'S', 'B'};

// Which columns the rows section has; what no row has costs nothing.
inline constexpr uint8_t kHasStream = 1;  // more than one stream
inline constexpr uint8_t kHasOrigin = 2;
inline constexpr uint8_t kHasAttrs = 4;
inline constexpr uint8_t kHasSeverity = 8;
inline constexpr uint8_t kHasTrace = 16;
inline constexpr uint8_t kHasObserved = 32;
// Attributes say whether they were parsed; in local buffers only.
inline constexpr uint8_t kHasParsed = 64;
inline constexpr uint8_t kColumnsKnown = 127;

inline constexpr uint8_t kPositionLaneStart = 1;
inline constexpr uint8_t kPositionCursor = 2;
inline constexpr uint8_t kPositionFlagsKnown = 3;

inline Error too_large(std::string_view limit, uint64_t max, uint64_t value) {
    return {
        ErrorCode::kTooLarge, fmt::format("batch payload: {} is {}, limit {}", limit, value, max)
    };
}

/// Requires: kBatchPrefixBytes at `to`; `head_bytes` counts the prefix.
inline void write_prefix(char* to, PayloadCodec codec, size_t head_bytes, size_t rows_bytes) {
    std::memcpy(to, kMagic, 2);
    to[2] = static_cast<char>(kBatchFormatVersion);
    to[3] = static_cast<char>(codec);
    const auto head = static_cast<uint32_t>(head_bytes);
    const auto rows = static_cast<uint32_t>(rows_bytes);
    std::memcpy(to + 4, &head, 4);
    std::memcpy(to + 8, &rows, 4);
}

}  // namespace seyir::format

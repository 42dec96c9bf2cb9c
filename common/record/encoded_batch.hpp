// SPDX-License-Identifier: Apache-2.0
// EncodedBatch: a batch's payload exactly as on the wire, in the spool and in the stage.
// Format: docs/format/batch.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace seyir {

/// On disk and on the wire: never renumber.
enum class PayloadCodec : uint8_t {
    kNone = 0,
    kLz4 = 1,
    kZstd = 2,
};

struct EncodedBatch {
    std::shared_ptr<const std::string> bytes;  ///< after compression
    PayloadCodec codec = PayloadCodec::kNone;
    uint32_t raw_bytes = 0;  ///< size before compression
    uint64_t xxh3 = 0;       ///< XXH3-64 of `bytes`
};

}  // namespace seyir

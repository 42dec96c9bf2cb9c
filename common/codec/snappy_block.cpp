// SPDX-License-Identifier: Apache-2.0
#include "common/codec/snappy_block.hpp"

#include <snappy.h>

#include <fmt/format.h>

#include "common/base/units.hpp"

namespace seyir::codec {

Result<std::string> snappy_decompress(std::string_view bytes, size_t raw_bytes_max) {
    size_t raw_bytes = 0;
    if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &raw_bytes)) {
        return fail(ErrorCode::kCorrupt, "the body is not snappy-compressed");
    }
    if (raw_bytes > raw_bytes_max) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "{} after decompression; {} are allowed",
                format_bytes(raw_bytes),
                format_bytes(raw_bytes_max)
            )
        );
    }
    std::string raw;
    if (!snappy::Uncompress(bytes.data(), bytes.size(), &raw)) {
        return fail(ErrorCode::kCorrupt, "the body is not snappy-compressed");
    }
    return raw;
}

std::string snappy_compress(std::string_view raw) {
    std::string bytes;
    snappy::Compress(raw.data(), raw.size(), &bytes);
    return bytes;
}

}  // namespace seyir::codec

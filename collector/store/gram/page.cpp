// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/page.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include "common/codec/bytes.hpp"

namespace seyir::store::gram {
namespace {

uint64_t checksum(std::string_view rows, uint32_t group, uint32_t page) {
    const uint64_t seed = (static_cast<uint64_t>(group) << 32) | page;
    return XXH3_64bits_withSeed(rows.data(), rows.size(), seed);
}

}  // namespace

std::string seal_page(std::string rows, uint32_t group, uint32_t page) {
    const uint64_t sum = checksum(rows, group, page);
    codec::append_le(rows, sum);
    return rows;
}

Result<std::string_view> open_page(
    std::string_view bytes, size_t rows_bytes, uint32_t group, uint32_t page
) {
    if (bytes.size() == rows_bytes + sizeof(uint64_t)) {
        const std::string_view rows = bytes.substr(0, rows_bytes);
        codec::Reader reader(bytes.substr(rows_bytes));
        if (reader.le<uint64_t>() == checksum(rows, group, page)) {
            return rows;
        }
    }
    return fail(
        ErrorCode::kCorrupt, fmt::format("page {} of group {} of a filter is damaged", page, group)
    );
}

}  // namespace seyir::store::gram

// SPDX-License-Identifier: Apache-2.0
// Any bytes as the columns of a block: decoding refuses or gives rows of the size the header says,
// within bounds of memory and time. Input: rows u16, then columns: number u8, size u16, bytes.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "collector/store/columns/block_decoder.hpp"

namespace {

constexpr uint64_t kRawBytes = 1024 * 1024;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir;
    using namespace seyir::store::columns;
    codec::Reader reader(std::string_view(reinterpret_cast<const char*>(data), size));
    const auto rows = reader.le<uint16_t>();
    std::map<uint16_t, std::string> columns;
    while (reader.ok() && reader.left() > 0) {
        const uint8_t number = reader.u8();
        const auto bytes = reader.le<uint16_t>();
        columns[number] = reader.bytes(std::min<size_t>(bytes, reader.left()));
    }
    const auto load = [&](uint16_t number) -> Result<std::string> {
        const auto at = columns.find(number);
        if (at == columns.end()) {
            return fail(ErrorCode::kNotFound, "no such column");
        }
        return at->second;
    };
    BlockDecoder decoder({rows, kRawBytes, TenantId::kDefault}, load);
    if (!decoder.open()) {
        return 0;
    }
    const std::string_view path[] = {"a"};
    const auto field = decoder.field_values(path);
    if (field && field->states.size() != rows) {
        std::abort();
    }
    const auto all = decoder.rows(std::nullopt);
    if (all && ((*all)->row_count() != rows || (*all)->raw_bytes() > kRawBytes + rows)) {
        std::abort();
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Rows of the database and headers of blocks: whatever lies on the disk, decoding never crashes,
// and what decodes reads back the same after encoding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/store/format/block_header.hpp"
#include "collector/store/format/catalogue_rows.hpp"

using namespace seyir;
using namespace seyir::store;

namespace {

template <class Row, class Decode>
void round_trip(const Result<Row>& row, Decode decode) {
    if (!row) {
        return;
    }
    const auto again = decode(encode(*row));
    if (!again || !(*again == *row)) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 7) {
        case 0:
            round_trip(decode_lane(bytes), decode_lane);
            break;
        case 1:
            round_trip(decode_stage_entry(1, bytes), [](std::string_view again) {
                return decode_stage_entry(1, again);
            });
            break;
        case 2:
            round_trip(decode_segment({1}, 1, bytes), [](std::string_view again) {
                return decode_segment({1}, 1, again);
            });
            break;
        case 3:
            round_trip(decode_block_row(bytes), decode_block_row);
            break;
        case 4:
            round_trip(decode_day_totals(bytes), decode_day_totals);
            break;
        case 5:
            round_trip(decode_block_header(bytes), decode_block_header);
            break;
        default:
            (void)decode_labels(bytes);
            break;
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/block_verify.hpp"

#include <algorithm>

#include "collector/store/columns/block_decoder.hpp"

namespace seyir::store::columns {

Result<void> verify(const EncodedBlock& encoded, const RecordBatch& batch) {
    BlockDecoder decoder(
        {static_cast<uint32_t>(batch.row_count()), batch.raw_bytes(), batch.tenant()},
        [&](uint16_t number) -> Result<std::string> {
            const auto at = std::ranges::find(encoded.columns, number, &EncodedColumn::number);
            if (at == encoded.columns.end()) {
                return fail(ErrorCode::kNotFound, "no such column");
            }
            return at->bytes;
        }
    );
    SEYIR_CHECK(decoder.open());
    SEYIR_TRY(const auto decoded, decoder.rows(std::nullopt));
    const auto is_kept = [](const Attr& attr) { return !attr.is_parsed; };
    const auto same_attrs = [&](size_t i) {
        const auto read = decoded->attrs(i);
        size_t n = 0;
        for (const Attr& attr : batch.attrs(i)) {
            if (!is_kept(attr)) {
                continue;
            }
            if (n >= read.size() || decoded->keys()[read[n].key] != batch.keys()[attr.key] ||
                read[n].value != attr.value) {
                return false;
            }
            ++n;
        }
        return n == read.size();
    };
    for (size_t i = 0; i < batch.row_count(); ++i) {
        const UnixNanos observed =
            batch.observed(i) == batch.ts(i) ? UnixNanos{} : batch.observed(i);
        const bool is_same =
            decoded->body(i) == batch.body(i) && decoded->ts(i) == batch.ts(i) &&
            decoded->severity(i) == batch.severity(i) && decoded->observed(i) == observed &&
            decoded->trace(i) == batch.trace(i) &&
            *decoded->streams()[decoded->stream(i)] == *batch.streams()[batch.stream(i)] &&
            same_attrs(i);
        if (!is_same) {
            return fail(
                ErrorCode::kInternal, "row " + std::to_string(i) + " does not read back as it was"
            );
        }
    }
    return {};
}

}  // namespace seyir::store::columns

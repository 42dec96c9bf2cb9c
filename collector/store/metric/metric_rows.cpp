// SPDX-License-Identifier: Apache-2.0
#include "collector/store/metric/metric_rows.hpp"

#include <optional>

#include <xxhash.h>

#include "collector/store/format/rows.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::store {
namespace {

std::string versioned(std::string_view bytes) {
    std::string out;
    out.reserve(1 + bytes.size());
    out += static_cast<char>(kRowVersion);
    out += bytes;
    return out;
}

}  // namespace

Result<void> MetricRows::add(
    const Database& database, const MetricSource& source, std::string_view body
) {
    SEYIR_TRY(const samples::MetricSamples decoded, samples::decode_samples(body));
    const XXH128_hash_t hash = XXH3_128bits(decoded.table.data(), decoded.table.size());
    const TableHash table{hash.high64, hash.low64};
    std::optional<Day> written;
    for (const samples::SampleRow& row : decoded.rows) {
        if (row.ts < source.oldest) {
            ++too_old;
            continue;
        }
        const Day day = day_of(row.ts);
        if (written != day) {
            written = day;
            std::string key = key::metric_table(day, source.tenant, table);
            auto known = database.get(Family::kMetric, key);
            if (!known) {
                return fail(ErrorCode::kIo, known.error().message);
            }
            if (!known->has_value()) {
                rows.push_back({std::move(key), versioned(decoded.table)});
            }
        }
        rows.push_back(
            {key::metric_row(day, source.tenant, source.agent, table, row.ts), versioned(row.values)
            }
        );
        samples += decoded.series_count;
    }
    return {};
}

}  // namespace seyir::store

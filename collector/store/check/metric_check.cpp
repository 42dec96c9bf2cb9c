// SPDX-License-Identifier: Apache-2.0
#include "collector/store/check/metric_check.hpp"

#include <map>
#include <optional>

#include <fmt/format.h>
#include <xxhash.h>

#include "collector/store/format/keys.hpp"
#include "collector/store/format/rows.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::store {
namespace {

class Checker {
  public:
    Checker(const Database& database, const OnBadMetric& on_bad)
        : database_(database), on_bad_(on_bad) {}

    /// Tables of a day stand before its rows: their keys differ in the letter behind the day.
    Result<MetricCheck> run() {
        SEYIR_CHECK(database_.scan(
            Family::kMetric,
            key::metric_day_prefix({INT32_MIN}),
            key::prefix_end(key::metric_day_prefix({INT32_MAX})),
            [&](std::string_view bytes, std::string_view value) -> Result<bool> {
                out_.bytes += bytes.size() + value.size();
                const auto day = key::parse_metric_day(bytes);
                if (day != day_) {
                    day_ = day;
                    series_.clear();
                }
                const Result<void> sound = look_at(bytes, value);
                if (sound || sound.error().code == ErrorCode::kCorrupt) {
                    return sound ? Result<bool>(true) : bad(bytes, sound.error().message);
                }
                return sound.error();  // of a newer version, say: nothing is wrong with it
            }
        ));
        if (out_.bad > out_.problems.size()) {
            out_.problems.push_back(
                fmt::format("... and {} more of metrics", out_.bad - out_.problems.size())
            );
        }
        return std::move(out_);
    }

  private:
    Result<void> look_at(std::string_view bytes, std::string_view value) {
        if (value.empty()) {
            return fail(ErrorCode::kCorrupt, "it is empty");
        }
        if (static_cast<uint8_t>(value[0]) > kRowVersion) {
            return fail(
                ErrorCode::kUnsupported,
                fmt::format(
                    "metric samples have version {}, known is {}: use a newer "
                    "seyir-collector",
                    static_cast<uint8_t>(value[0]),
                    kRowVersion
                )
            );
        }
        const std::string_view content = value.substr(1);
        if (const auto table = key::parse_metric_table(bytes)) {
            return look_at_table(bytes, *table, content);
        }
        if (const auto row = key::parse_metric_row(bytes)) {
            return look_at_row(bytes, *row, content);
        }
        return fail(ErrorCode::kCorrupt, "its key is neither a table's nor a row's");
    }

    Result<void> look_at_table(
        std::string_view bytes, const TableHash& table, std::string_view content
    ) {
        ++out_.tables;
        const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
        if (TableHash{hash.high64, hash.low64} != table) {
            return fail(ErrorCode::kCorrupt, "the table of series does not fit its hash");
        }
        SEYIR_TRY(const samples::MetricTable decoded, samples::decode_table(content));
        series_[tenant_and(bytes, table)] = decoded.series.size();
        return {};
    }

    Result<void> look_at_row(
        std::string_view bytes, const key::MetricRowKey& row, std::string_view content
    ) {
        ++out_.rows;
        const auto series = series_.find(tenant_and(bytes, row.table));
        if (series == series_.end()) {
            return fail(ErrorCode::kCorrupt, "the table of its series is missing or damaged");
        }
        if (content.size() != series->second * sizeof(double)) {
            return fail(
                ErrorCode::kCorrupt,
                fmt::format(
                    "it has {} bytes for {} series of 8 bytes", content.size(), series->second
                )
            );
        }
        if (row.ts < day_->begin() || row.ts >= day_->end()) {
            return fail(ErrorCode::kCorrupt, "its time is of another day");
        }
        out_.samples += series->second;
        return {};
    }

    /// The four bytes behind day and letter are the tenant.
    static std::string tenant_and(std::string_view bytes, const TableHash& table) {
        return std::string(bytes.substr(5, 4)) + table.to_hex();
    }

    Result<bool> bad(std::string_view bytes, const std::string& why) {
        ++out_.bad;
        if (out_.problems.size() < MetricCheck::kProblemsMax) {
            const auto row = key::parse_metric_row(bytes);
            out_.problems.push_back(
                row ? fmt::format("metric samples of {}: {}", to_rfc3339(row->ts), why)
                    : fmt::format(
                          "metric series of {}: {}", day_ ? day_->folder() : "an unknown day", why
                      )
            );
        }
        return on_bad_ ? on_bad_(bytes) : Result<bool>(true);
    }

    const Database& database_;
    const OnBadMetric& on_bad_;
    MetricCheck out_;
    std::optional<Day> day_;
    std::map<std::string, size_t> series_;  ///< of the day's tables
};

}  // namespace

Result<MetricCheck> check_metrics(const Database& database, const OnBadMetric& on_bad) {
    return Checker(database, on_bad).run();
}

}  // namespace seyir::store

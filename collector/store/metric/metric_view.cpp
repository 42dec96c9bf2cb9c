// SPDX-License-Identifier: Apache-2.0
#include "collector/store/metric/metric_view.hpp"

#include <utility>

#include <fmt/format.h>

#include "collector/store/disk/database.hpp"
#include "collector/store/format/rows.hpp"

namespace seyir::store {
namespace {

/// Without the version byte.
Result<std::string_view> content(std::string_view value) {
    if (value.empty()) {
        return fail(ErrorCode::kCorrupt, "a metric row is empty");
    }
    if (static_cast<uint8_t>(value[0]) > kRowVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("a metric row of version {}", static_cast<uint8_t>(value[0]))
        );
    }
    return value.substr(1);
}

}  // namespace

MetricView::MetricView(std::shared_ptr<const Snapshot> snapshot, TenantId tenant)
    : snapshot_(std::move(snapshot)), tenant_(tenant) {}

Result<std::vector<Day>> MetricView::days() const {
    std::vector<Day> found;
    std::string from = key::metric_day_prefix({INT32_MIN});
    const std::string end = key::prefix_end(key::metric_day_prefix({INT32_MAX}));
    while (true) {
        std::optional<Day> day;
        SEYIR_CHECK(snapshot_->database().scan(
            Family::kMetric,
            from,
            end,
            [&](std::string_view key, std::string_view) -> Result<bool> {
                day = key::parse_metric_day(key);
                return false;
            },
            snapshot_.get()
        ));
        if (!day) {
            return found;
        }
        found.push_back(*day);
        from = key::prefix_end(key::metric_day_prefix(*day));
    }
}

Result<void> MetricView::each_table(TimeRange range, const OnTable& on_table) const {
    SEYIR_TRY(const std::vector<Day> all, days());
    bool goes_on = true;
    for (const Day day : all) {
        if (!goes_on || day.end() <= range.begin || day.begin() >= range.end) {
            continue;
        }
        const std::string prefix = key::metric_tables_prefix(day, tenant_);
        SEYIR_CHECK(snapshot_->database().scan(
            Family::kMetric,
            prefix,
            key::prefix_end(prefix),
            [&](std::string_view key, std::string_view value) -> Result<bool> {
                const auto table = key::parse_metric_table(key);
                SEYIR_TRY(const std::string_view bytes, content(value));
                if (!table) {
                    return true;
                }
                SEYIR_TRY(goes_on, on_table(*table, bytes));
                return goes_on;
            },
            snapshot_.get()
        ));
    }
    return {};
}

Result<void> MetricView::each_row(TimeRange range, const OnRow& on_row) const {
    SEYIR_TRY(const std::vector<Day> all, days());
    bool goes_on = true;
    for (const Day day : all) {
        if (!goes_on || day.end() <= range.begin || day.begin() >= range.end) {
            continue;
        }
        const std::string prefix = key::metric_rows_prefix(day, tenant_);
        SEYIR_CHECK(snapshot_->database().scan(
            Family::kMetric,
            prefix,
            key::prefix_end(prefix),
            [&](std::string_view key, std::string_view value) -> Result<bool> {
                const auto row = key::parse_metric_row(key);
                SEYIR_TRY(const std::string_view values, content(value));
                if (!row || !range.contains(row->ts)) {
                    return true;
                }
                SEYIR_TRY(goes_on, on_row({row->agent, row->table, row->ts, values}));
                return goes_on;
            },
            snapshot_.get()
        ));
    }
    return {};
}

}  // namespace seyir::store

// SPDX-License-Identifier: Apache-2.0
// check_metrics: are the metric samples of a database what was stored? Each table of series is
// decoded and must have the hash that names it; each row must have a table of its day and one value
// for each of its series.
// Room: the metric family -> MetricCheck.   Threads: pure.
// Errors: kIo, kCancelled; kUnsupported: rows of a newer version, which are not damaged.
// Limits: kProblemsMax problems are described, all are counted. Memory: the series counts of one
// day's tables.   Format: docs/format/store-keys.md, "metric"; docs/format/metrics.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collector/store/disk/database.hpp"
#include "common/base/result.hpp"

namespace seyir::store {

struct MetricCheck {
    static constexpr size_t kProblemsMax = 20;

    uint64_t tables = 0;
    uint64_t rows = 0;     ///< times of a host
    uint64_t samples = 0;  ///< values in them
    uint64_t bytes = 0;
    uint64_t bad = 0;  ///< tables and rows nobody can read
    std::vector<std::string> problems;
};

/// Is given the key of each table or row that cannot be read; false: kCancelled.
using OnBadMetric = std::function<Result<bool>(std::string_view key)>;

Result<MetricCheck> check_metrics(const Database& database, const OnBadMetric& on_bad = {});

}  // namespace seyir::store

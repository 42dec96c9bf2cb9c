// SPDX-License-Identifier: Apache-2.0
// MetricView: the metric samples of one tenant as of one moment.
// Room: the metric family -> tables and rows, for exports.
// Threads: one at a time.   Errors: kIo, kCorrupt naming the row.
// Ownership: keeps a snapshot of the database; a store that closes waits for nothing, the view ends
// with an error.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/format/keys.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::store {

class Snapshot;

/// One time of one host.
struct MetricRow {
    AgentId agent;
    TableHash table;
    UnixNanos ts;
    std::string_view values;  ///< as in samples::SampleRow; valid during the call
};

class MetricView {
  public:
    MetricView(std::shared_ptr<const Snapshot> snapshot, TenantId tenant);

    /// Days that have samples of any tenant, rising.
    Result<std::vector<Day>> days() const;

    /// Calls `on_table` with each table of series that days of the range have, a table of several
    /// days each time; until it returns false.
    using OnTable = std::function<Result<bool>(TableHash, std::string_view bytes)>;
    Result<void> each_table(TimeRange range, const OnTable& on_table) const;

    /// Calls `on_row` in order of day, agent, table, time; until it returns false.
    using OnRow = std::function<Result<bool>(const MetricRow&)>;
    Result<void> each_row(TimeRange range, const OnRow& on_row) const;

  private:
    std::shared_ptr<const Snapshot> snapshot_;
    TenantId tenant_;
};

}  // namespace seyir::store

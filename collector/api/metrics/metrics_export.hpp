// SPDX-License-Identifier: Apache-2.0
// MetricsExport: samples of a MetricView as OpenMetrics text or JSON lines.
// Room: MetricView -> text in pieces.
// Threads: one owner.   Limits: kPointsMax samples in memory (16 bytes each), tables of the range.
// Errors: of the view; kClosed once the sink says that nobody reads.
// Format: OpenMetrics 1.0; JSON lines as VictoriaMetrics' /api/v1/export has them, times in ms.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/metric/metric_view.hpp"
#include "common/logql/matcher.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::collector::api {

/// Matchers of labels; the name is the label `__name__`. Empty: every series.
class SeriesSelector {
  public:
    /// `node_load1`, `{instance="web1"}` or `node_cpu_seconds_total{cpu="0"}`.
    static Result<SeriesSelector> compile(std::string_view text);

    bool matches(const samples::MetricTable& table, const samples::Series& series) const;

  private:
    std::vector<logql::CompiledMatcher> matchers_;
};

class MetricsExport {
  public:
    static constexpr uint64_t kPointsMax = 4'000'000;

    MetricsExport(
        const store::MetricView& view,
        TimeRange range,
        const SeriesSelector& selector,
        uint64_t points_max = kPointsMax
    )
        : view_(view), range_(range), selector_(selector), points_max_(points_max) {}

    /// Takes a piece; false: stop.
    using Sink = std::function<bool(std::string_view)>;

    /// How many samples there are to write; first of all.
    Result<uint64_t> count();

    Result<void> write_open_metrics(const Sink& sink);
    Result<void> write_json_lines(const Sink& sink);

  private:
    struct Table {
        std::string bytes;
        samples::MetricTable table;       ///< points into `bytes`
        std::vector<uint32_t> chosen;     ///< series
        std::vector<std::string> labels;  ///< of `chosen`: `{a="b"}` or ""
    };

    struct Family {
        std::string name;
        samples::MetricType type = samples::MetricType::kUnknown;
        uint64_t points = 0;
    };

    struct Point {
        int64_t ms = 0;
        double value = 0;
    };

    using SeriesPoints = std::map<std::string, std::vector<Point>>;  // by labels

    Result<void> read_tables();
    Result<void> write_group(std::span<const Family> group, const Sink& sink);
    Result<void> write_run(
        const Table& table,
        const std::vector<int64_t>& times,
        const std::vector<double>& values,
        const Sink& sink
    );

    const store::MetricView& view_;
    const TimeRange range_;
    const SeriesSelector& selector_;
    const uint64_t points_max_;
    std::map<store::TableHash, std::unique_ptr<Table>> tables_;
    std::map<std::string, Family, std::less<>> families_;
};

}  // namespace seyir::collector::api

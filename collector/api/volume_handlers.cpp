// SPDX-License-Identifier: Apache-2.0
// How much there is, without reading rows where the store can tell: index/stats, index/volume,
// index/volume_range.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "collector/api/handlers.hpp"
#include "collector/api/request_params.hpp"
#include "collector/api/result_writer.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kVolumeSeriesDefault = 100;

/// What index/volume is asked for.
struct VolumeRequest {
    store::VolumeQuery query;
    std::vector<logql::Matcher> matchers;
    std::set<std::string, std::less<>> targets;  ///< labels that make a series; empty: all
    bool by_label = false;                       ///< one series per label name
    uint64_t series = kVolumeSeriesDefault;
};

Result<std::vector<logql::Matcher>> read_matchers(const net::HttpRequest& request) {
    SEYIR_TRY(const std::string_view text, read_query(request));
    return logql::parse_selector(text);
}

Result<store::VolumeQuery> volume_query(
    const Context& context,
    const net::HttpRequest& request,
    const std::vector<logql::Matcher>& matchers,
    const std::set<std::string, std::less<>>& targets
) {
    SEYIR_TRY(auto compiled, logql::StreamMatcher::compile(matchers));
    store::VolumeQuery query{.tenant = tenant_of(request)};
    SEYIR_TRY(query.range, read_range(request, context.clock.wall_now(), 1h));
    query.stream_matches =
        [targets, matcher = std::make_shared<const logql::StreamMatcher>(std::move(compiled))](
            const StreamLabels& labels
        ) {
            return matcher->matches(labels) && std::ranges::all_of(targets, [&](const auto& name) {
                       return !labels.get(name).empty();
                   });
        };
    return query;
}

Result<VolumeRequest> read_volume(const Context& context, const net::HttpRequest& request) {
    VolumeRequest volume;
    SEYIR_TRY(volume.matchers, read_matchers(request));
    for (const std::string_view list : request.parameters("targetLabels")) {
        for (size_t at = 0; at < list.size();) {
            const size_t comma = std::min(list.find(',', at), list.size());
            if (comma > at) {
                volume.targets.emplace(list.substr(at, comma - at));
            }
            at = comma + 1;
        }
    }
    SEYIR_TRY(volume.query, volume_query(context, request, volume.matchers, volume.targets));
    const std::string_view by = request.parameter("aggregateBy").value_or("");
    if (by != "" && by != "series" && by != "labels") {
        return fail(
            ErrorCode::kInvalidArgument,
            "aggregateBy knows only `series` (the default) and `labels`"
        );
    }
    volume.by_label = by == "labels";
    SEYIR_TRY(
        volume.series, read_count_or(request, "limit", kVolumeSeriesMax, kVolumeSeriesDefault)
    );
    return volume;
}

/// Label sets the bytes of a stream belong to: its target labels (those the selector names, or all
/// of them, without targets), or each label name for itself.
std::vector<query::LabelSet> series_of(const VolumeRequest& request, const StreamLabels& labels) {
    std::set<std::string_view> wanted(request.targets.begin(), request.targets.end());
    if (wanted.empty()) {
        for (const logql::Matcher& matcher : request.matchers) {
            wanted.insert(matcher.name);
        }
    }
    std::vector<query::LabelSet> series;
    if (!request.by_label) {
        series.emplace_back();
    }
    for (const auto& [name, value] : labels.pairs()) {
        const bool is_wanted = wanted.empty() || wanted.contains(name);
        if (!is_wanted || name.starts_with("__")) {
            continue;
        }
        if (request.by_label) {
            series.push_back({{std::string(name), ""}});
        } else {
            series.front().emplace_back(name, value);
        }
    }
    return series;
}

/// Ends with the query's deadline or client.
Result<store::Volume> count_volume(
    const Context& context, store::VolumeQuery query, query::QueryContext& running
) {
    query.cancelled = [&running] { return !running.check().has_value(); };
    auto volume = context.store.volume(query);
    if (!volume) {
        SEYIR_CHECK(running.check());
        return volume.error();
    }
    running.add(volume->stats);
    return volume;
}

/// Streams that show as one series.
struct VolumeSeries {
    uint64_t bytes = 0;
    std::vector<const store::StreamVolume*> streams;
};

using VolumeBySeries = std::map<query::LabelSet, VolumeSeries>;

Result<VolumeBySeries> group_streams(
    const VolumeRequest& request, const store::Volume& volume, query::QueryContext& running
) {
    const size_t series_max = running.limits().series_max;
    VolumeBySeries all;
    for (const store::StreamVolume& stream : volume.streams) {
        uint64_t bytes = 0;
        for (const store::VolumeCell& cell : stream.cells) {
            bytes += cell.bytes;
        }
        for (query::LabelSet& labels : series_of(request, *stream.labels)) {
            VolumeSeries& series = all[std::move(labels)];
            series.bytes += bytes;
            series.streams.push_back(&stream);
        }
        if (all.size() > series_max) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "maximum of series ({}) reached for a single query; name fewer labels in "
                    "targetLabels or select fewer streams",
                    series_max
                )
            );
        }
    }
    return all;
}

/// Bytes per series and bucket, the biggest series first; only those asked for get a grid.
Result<query::Matrix> run_volume(
    const Context& context,
    const VolumeRequest& request,
    const query::Grid& grid,
    query::QueryContext& running
) {
    SEYIR_TRY(const store::Volume volume, count_volume(context, request.query, running));
    SEYIR_TRY(const VolumeBySeries all, group_streams(request, volume, running));
    std::vector<const VolumeBySeries::value_type*> biggest;
    for (const auto& series : all) {
        biggest.push_back(&series);
    }
    std::ranges::sort(biggest, [](const auto* a, const auto* b) {
        return a->second.bytes != b->second.bytes ? a->second.bytes > b->second.bytes
                                                  : a->first < b->first;
    });
    biggest.resize(std::min<size_t>(biggest.size(), request.series));
    SEYIR_CHECK(running.hold(biggest.size() * grid.points));
    query::Matrix matrix{.ordered = true};
    for (const auto* entry : biggest) {
        SEYIR_CHECK(running.check());
        query::Series& series = matrix.series.emplace_back();
        series.labels = entry->first;
        series.values.assign(grid.points, 0);
        for (const store::StreamVolume* stream : entry->second.streams) {
            for (const store::VolumeCell& cell : stream->cells) {
                series.values[std::min<size_t>(cell.bucket, grid.points - 1)] +=
                    static_cast<double>(cell.bytes);
            }
        }
        std::ranges::replace(series.values, 0.0, query::kAbsent);
    }
    return matrix;
}

Result<void> answer_volume(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(const VolumeRequest request, read_volume(context, exchange->request()));
    const query::Grid grid{.start_ns = request.query.range.end.value};
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(query::Matrix matrix, run_volume(context, request, grid, running));
    AnswerStream answer(exchange);
    write_vector(answer, std::move(matrix), grid, running.finish(), "");
    return {};
}

Result<void> answer_volume_range(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(VolumeRequest request, read_volume(context, exchange->request()));
    SEYIR_TRY(
        const query::Grid grid,
        read_volume_grid(exchange->request(), request.query.range, context.limits)
    );
    request.query.bucket = Nanos(grid.step_ns);
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(query::Matrix matrix, run_volume(context, request, grid, running));
    AnswerStream answer(exchange);
    write_matrix(answer, std::move(matrix), grid, running.finish(), "");
    return {};
}

Result<void> answer_stats(const Context& context, const net::HttpExchangePtr& exchange) {
    SEYIR_TRY(const auto matchers, read_matchers(exchange->request()));
    SEYIR_TRY(const auto query, volume_query(context, exchange->request(), matchers, {}));
    query::QueryContext running = query_context(context, exchange);
    SEYIR_TRY(const store::Volume volume, count_volume(context, query, running));
    uint64_t rows = 0;
    uint64_t bytes = 0;
    for (const store::StreamVolume& stream : volume.streams) {
        for (const store::VolumeCell& cell : stream.cells) {
            rows += cell.rows;
            bytes += cell.bytes;
        }
    }
    const store::CursorStats& stats = volume.stats;
    exchange->respond(net::HttpResponse::json(fmt::format(
        R"({{"streams":{},"chunks":{},"bytes":{},"entries":{}}})"
        "\n",
        volume.streams.size(),
        stats.blocks_total - std::min(stats.blocks_total, stats.blocks_pruned),
        bytes,
        rows
    )));
    return {};
}

}  // namespace

void handle_index_stats(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_stats(context, exchange));
}

void handle_volume(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_volume(context, exchange));
}

void handle_volume_range(const Context& context, const net::HttpExchangePtr& exchange) {
    finish(*exchange, answer_volume_range(context, exchange));
}

}  // namespace seyir::collector::api

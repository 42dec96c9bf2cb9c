// SPDX-License-Identifier: Apache-2.0
#include "collector/query/volume_exec.hpp"

#include <algorithm>
#include <map>

#include "common/logql/stage/line_matcher.hpp"
#include "common/record/level.hpp"

namespace seyir::query {
namespace {

using LevelTests = std::vector<logql::CompiledMatcher>;

/// `drop __error__`: nothing that is shown or tested here.
bool drops_errors_only(const logql::DropStage& drop) {
    return std::ranges::all_of(drop.choices, [](const logql::LabelChoice& choice) {
        return choice.name.starts_with("__");
    });
}

/// The tests of detected_level among the stages; nothing where a stage needs rows.
Result<std::optional<LevelTests>> level_tests(const std::vector<logql::Stage>& stages) {
    LevelTests tests;
    for (const logql::Stage& stage : stages) {
        if (const auto* line = std::get_if<logql::LineFilter>(&stage.kind)) {
            if (logql::passes_all(*line)) {
                continue;
            }
        } else if (const auto* drop = std::get_if<logql::DropStage>(&stage.kind)) {
            if (drops_errors_only(*drop)) {
                continue;
            }
        } else if (const auto* label = std::get_if<logql::LabelFilter>(&stage.kind)) {
            const auto* text = std::get_if<logql::StringTest>(&label->test);
            if (text != nullptr && text->matcher.name == logql::kLevelLabel) {
                SEYIR_TRY(auto matcher, logql::CompiledMatcher::compile(text->matcher));
                tests.push_back(std::move(matcher));
                continue;
            }
        }
        return std::optional<LevelTests>();
    }
    return std::optional(std::move(tests));
}

class VolumeSums {
  public:
    VolumeSums(const logql::RangeAggregation& node, const RangeRequest& request)
        : node_(node), request_(request), names_(request.sum_into->labels) {
        std::ranges::sort(names_);
    }

    bool by_level() const { return std::ranges::find(names_, logql::kLevelLabel) != names_.end(); }

    /// False: the stream lacks a label that its rows may have.
    bool add(const store::StreamVolume& stream, const LevelTests& tests) {
        const std::string_view own_level = stream.labels->get(logql::kLevelLabel);
        for (const std::string& name : names_) {
            // Attributes shown as `level` were asked for already.
            if (name != logql::kLevelLabel && name != "level" && stream.labels->get(name).empty()) {
                return false;
            }
        }
        for (const store::VolumeCell& cell : stream.cells) {
            const std::string_view level = own_level.empty() ? level_word(cell.level) : own_level;
            const bool passes =
                std::ranges::all_of(tests, [&](const auto& test) { return test.matches(level); });
            if (!passes) {
                continue;
            }
            auto& [rows, bytes] = sums_of(*stream.labels, level)[cell.bucket];
            rows += cell.rows;
            bytes += cell.bytes;
        }
        return true;
    }

    size_t series() const { return series_.size(); }

    Result<Matrix> finish(QueryContext& context) const {
        const double seconds = static_cast<double>(node_.range_ns) / 1e9;
        const bool per_second =
            node_.op == logql::RangeOp::kRate || node_.op == logql::RangeOp::kBytesRate;
        const bool of_bytes =
            node_.op == logql::RangeOp::kBytes || node_.op == logql::RangeOp::kBytesRate;
        Matrix matrix;
        for (const auto& [labels, sums] : series_) {
            SEYIR_CHECK(context.hold(samples_of(labels, request_.grid.points)));
            Series series{labels, {}};
            series.values.assign(request_.grid.points, kAbsent);
            for (const auto& [bucket, sum] : sums) {
                const auto value = static_cast<double>(of_bytes ? sum.second : sum.first);
                series.values[bucket] = per_second ? value / seconds : value;
            }
            matrix.series.push_back(std::move(series));
        }
        return matrix;
    }

  private:
    using Sums = std::map<uint32_t, std::pair<uint64_t, uint64_t>>;

    Sums& sums_of(const StreamLabels& stream, std::string_view level) {
        LabelSet labels;
        for (const std::string& name : names_) {
            const std::string_view value =
                name == logql::kLevelLabel ? level : std::string_view(stream.get(name));
            if (!value.empty()) {
                labels.emplace_back(name, value);
            }
        }
        return series_[std::move(labels)];
    }

    const logql::RangeAggregation& node_;
    const RangeRequest& request_;
    std::vector<std::string> names_;
    std::map<LabelSet, Sums> series_;
};

}  // namespace

Result<std::optional<Matrix>> run_by_volume(
    store::LogStore& store,
    const LogPlan& plan,
    const logql::RangeAggregation& node,
    const RangeRequest& request,
    QueryContext& context
) {
    const Grid& grid = request.grid;
    const bool is_apart = grid.points == 1 || node.range_ns == grid.step_ns;
    if (!is_additive(node.op) || node.unwrap || !request.sum_into || request.sum_into->without ||
        !is_apart || !context.limits().detects_level) {
        return std::optional<Matrix>();
    }
    SEYIR_TRY(const auto tests, level_tests(node.log.stages));
    if (!tests) {
        return std::optional<Matrix>();
    }
    VolumeSums sums(node, request);
    store::VolumeQuery query{.tenant = request.tenant, .range = scanned_range(node, grid)};
    query.bucket = Nanos(grid.points == 1 ? 0 : grid.step_ns);
    if (query.range.begin == UnixNanos::min()) {
        return std::optional<Matrix>();  // cut off by the range of times: windows would shift
    }
    query.by_level =
        sums.by_level() || !tests->empty() ||
        std::ranges::find(request.sum_into->labels, "level") != request.sum_into->labels.end();
    query.stream_matches = [&](const StreamLabels& labels) {
        return plan.streams().matches(labels);
    };
    query.cancelled = [&] { return !context.check().has_value(); };
    const auto volume = store.volume(query);
    if (!volume) {
        SEYIR_CHECK(context.check());
        if (volume.error().code == ErrorCode::kTooLarge) {
            return std::optional<Matrix>();  // the groups may be fewer than streams times steps
        }
        return volume.error();
    }
    if (volume->has_level_attrs) {
        return std::optional<Matrix>();
    }
    for (const store::StreamVolume& stream : volume->streams) {
        if (!sums.add(stream, *tests)) {
            return std::optional<Matrix>();
        }
        SEYIR_CHECK(context.check_series(sums.series()));
    }
    context.add(volume->stats);
    SEYIR_TRY(Matrix matrix, sums.finish(context));
    return std::optional(std::move(matrix));
}

}  // namespace seyir::query

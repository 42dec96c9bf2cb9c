// SPDX-License-Identifier: Apache-2.0
#include "collector/api/metrics/metrics_export.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::api {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
constexpr size_t kRunRows = 1000;  // of one line of JSON
constexpr std::string_view kName = "__name__";

Error nobody_reads() {
    return fail(ErrorCode::kClosed, "the client has gone");
}

int64_t to_ms(UnixNanos ts) {
    return ts.value / 1'000'000 - (ts.value % 1'000'000 < 0 ? 1 : 0);
}

void append_value(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        fmt::format_to(std::back_inserter(out), "{}", value);
    }
}

void append_seconds(std::string& out, int64_t ms) {
    const uint64_t size = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
    fmt::format_to(
        std::back_inserter(out), "{}{}.{:03}", ms < 0 ? "-" : "", size / 1000, size % 1000
    );
}

void append_label(std::string& out, const samples::Label& label) {
    out += out.empty() ? '{' : ',';
    out += label.name;
    out += "=\"";
    for (const char c : label.value) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    out += '"';
}

/// Of the series, sorted by name, so that the same series has the same text in every table.
std::vector<samples::Label> labels_of(
    const samples::MetricTable& table, const samples::Series& series
) {
    std::vector<samples::Label> all(table.common().begin(), table.common().end());
    std::ranges::copy(table.own_labels(series), std::back_inserter(all));
    std::ranges::sort(all, {}, &samples::Label::name);
    return all;
}

std::string labels_text(const samples::MetricTable& table, const samples::Series& series) {
    std::string out;
    for (const samples::Label& label : labels_of(table, series)) {
        append_label(out, label);
    }
    out += out.empty() ? "" : "}";
    return out;
}

/// What OpenMetrics calls the family of samples of this name: counters end in _total there.
struct OpenFamily {
    std::string_view name;
    std::string_view type;
};

OpenFamily open_family(std::string_view name, samples::MetricType type) {
    constexpr std::string_view kTotal = "_total";
    if (type != samples::MetricType::kCounter) {
        return {name, samples::to_string(type)};
    }
    if (!name.ends_with(kTotal)) {
        return {name, "unknown"};
    }
    return {name.substr(0, name.size() - kTotal.size()), "counter"};
}

}  // namespace

Result<SeriesSelector> SeriesSelector::compile(std::string_view text) {
    const size_t brace = text.find('{');
    const std::string_view name = text.substr(0, brace);
    SeriesSelector selector;
    std::vector<logql::Matcher> matchers;
    if (brace != std::string_view::npos) {
        SEYIR_TRY(matchers, logql::parse_selector(text.substr(brace)));
    }
    if (!name.empty()) {
        if (!samples::is_metric_name(name)) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("`{}` is not the name of a metric; write name{{label=\"value\"}}", name)
            );
        }
        SEYIR_TRY(
            std::vector<logql::Matcher> by_name,
            logql::parse_selector(fmt::format("{{{}=\"{}\"}}", kName, name))
        );
        std::ranges::move(by_name, std::back_inserter(matchers));
    }
    for (const logql::Matcher& matcher : matchers) {
        SEYIR_TRY(logql::CompiledMatcher compiled, logql::CompiledMatcher::compile(matcher));
        selector.matchers_.push_back(std::move(compiled));
    }
    return selector;
}

bool SeriesSelector::matches(const samples::MetricTable& table, const samples::Series& series)
    const {
    return std::ranges::all_of(matchers_, [&](const logql::CompiledMatcher& matcher) {
        if (matcher.name() == kName) {
            return matcher.matches(table.families[series.family].name);
        }
        for (const auto labels : {table.common(), table.own_labels(series)}) {
            const auto at = std::ranges::find(labels, matcher.name(), &samples::Label::name);
            if (at != labels.end()) {
                return matcher.matches(at->value);
            }
        }
        return matcher.matches("");
    });
}

Result<void> MetricsExport::read_tables() {
    return view_.each_table(
        range_,
        [&](store::TableHash hash, std::string_view bytes) -> Result<bool> {
            if (tables_.contains(hash)) {
                return true;
            }
            auto table = std::make_unique<Table>();
            table->bytes = bytes;
            SEYIR_TRY(table->table, samples::decode_table(table->bytes));
            for (uint32_t i = 0; i < table->table.series.size(); ++i) {
                const samples::Series& series = table->table.series[i];
                if (selector_.matches(table->table, series)) {
                    table->chosen.push_back(i);
                    table->labels.push_back(labels_text(table->table, series));
                }
            }
            tables_.emplace(hash, std::move(table));
            return true;
        }
    );
}

Result<uint64_t> MetricsExport::count() {
    SEYIR_CHECK(read_tables());
    std::map<store::TableHash, uint64_t> rows;
    SEYIR_CHECK(view_.each_row(range_, [&](const store::MetricRow& row) -> Result<bool> {
        const auto table = tables_.find(row.table);
        if (table == tables_.end() ||
            row.values.size() != table->second->table.series.size() * sizeof(double)) {
            return fail(ErrorCode::kCorrupt, "samples whose table of series is not there");
        }
        ++rows[row.table];
        return true;
    }));
    uint64_t total = 0;
    for (const auto& [hash, count] : rows) {
        const Table& table = *tables_.at(hash);
        for (const uint32_t i : table.chosen) {
            const samples::Family& family = table.table.families[table.table.series[i].family];
            Family& known = families_[std::string(family.name)];
            known.name = family.name;
            known.type = family.type;
            known.points += count;
            total += count;
        }
    }
    return total;
}

Result<void> MetricsExport::write_open_metrics(const Sink& sink) {
    std::vector<Family> group;
    uint64_t points = 0;
    for (const auto& [name, family] : families_) {
        if (!group.empty() && points + family.points > points_max_) {
            SEYIR_CHECK(write_group(group, sink));
            group.clear();
            points = 0;
        }
        group.push_back(family);
        points += family.points;
    }
    SEYIR_CHECK(write_group(group, sink));
    return sink("# EOF\n") ? Result<void>() : Result<void>(nobody_reads());
}

Result<void> MetricsExport::write_group(std::span<const Family> group, const Sink& sink) {
    std::map<std::string_view, SeriesPoints> points;
    for (const Family& family : group) {
        points[family.name];
    }
    // Where each chosen series of a table goes; none: another group's.
    std::map<store::TableHash, std::vector<std::vector<Point>*>> places;
    for (const auto& [hash, table] : tables_) {
        std::vector<std::vector<Point>*>& to = places[hash];
        for (size_t c = 0; c < table->chosen.size(); ++c) {
            const samples::Series& series = table->table.series[table->chosen[c]];
            const auto family = points.find(table->table.families[series.family].name);
            to.push_back(family == points.end() ? nullptr : &family->second[table->labels[c]]);
        }
    }
    SEYIR_CHECK(view_.each_row(range_, [&](const store::MetricRow& row) -> Result<bool> {
        const std::vector<uint32_t>& chosen = tables_.at(row.table)->chosen;
        const std::vector<std::vector<Point>*>& to = places.at(row.table);
        const samples::SampleRow values{row.ts, row.values};
        for (size_t c = 0; c < chosen.size(); ++c) {
            if (to[c] != nullptr) {
                to[c]->push_back({to_ms(row.ts), values.value(chosen[c])});
            }
        }
        return true;
    }));
    std::string out;
    for (const Family& family : group) {
        const OpenFamily open = open_family(family.name, family.type);
        fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", open.name, open.type);
        for (auto& [labels, series] : points.at(family.name)) {
            std::ranges::sort(series, {}, &Point::ms);
            std::optional<int64_t> before;
            for (const Point& point : series) {
                if (before == point.ms) {
                    continue;  // two agents of one host: the format has one sample a time
                }
                before = point.ms;
                out += family.name;
                out += labels;
                out += ' ';
                append_value(out, point.value);
                out += ' ';
                append_seconds(out, point.ms);
                out += '\n';
                if (out.size() >= kPieceBytes) {
                    if (!sink(out)) {
                        return nobody_reads();
                    }
                    out.clear();
                }
            }
        }
    }
    return out.empty() || sink(out) ? Result<void>() : Result<void>(nobody_reads());
}

Result<void> MetricsExport::write_json_lines(const Sink& sink) {
    AgentId agent;
    store::TableHash hash;
    std::vector<int64_t> times;
    std::vector<double> values;  // of the chosen series, row by row
    const auto flush = [&]() -> Result<void> {
        if (!times.empty()) {
            SEYIR_CHECK(write_run(*tables_.at(hash), times, values, sink));
        }
        times.clear();
        values.clear();
        return {};
    };
    SEYIR_CHECK(view_.each_row(range_, [&](const store::MetricRow& row) -> Result<bool> {
        const std::vector<uint32_t>& chosen = tables_.at(row.table)->chosen;
        const bool is_other = row.agent != agent || row.table != hash;
        if (is_other || times.size() == kRunRows || values.size() + chosen.size() > points_max_) {
            SEYIR_CHECK(flush());
            agent = row.agent;
            hash = row.table;
        }
        times.push_back(to_ms(row.ts));
        const samples::SampleRow read{row.ts, row.values};
        for (const uint32_t i : chosen) {
            values.push_back(read.value(i));
        }
        return true;
    }));
    return flush();
}

Result<void> MetricsExport::write_run(
    const Table& table,
    const std::vector<int64_t>& times,
    const std::vector<double>& values,
    const Sink& sink
) {
    std::string out;
    for (size_t c = 0; c < table.chosen.size(); ++c) {
        const samples::Series& series = table.table.series[table.chosen[c]];
        out += R"({"metric":{"__name__":)";
        append_json_quoted(out, table.table.families[series.family].name);
        for (const samples::Label& label : labels_of(table.table, series)) {
            out += ',';
            append_json_quoted(out, label.name);
            out += ':';
            append_json_quoted(out, label.value);
        }
        out += R"(},"values":[)";
        for (size_t row = 0; row < times.size(); ++row) {
            const double value = values[row * table.chosen.size() + c];
            out += row == 0 ? "" : ",";
            if (std::isnan(value)) {
                out += "null";
            } else if (std::isinf(value)) {
                out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
            } else {
                append_value(out, value);
            }
        }
        out += R"(],"timestamps":[)";
        for (size_t row = 0; row < times.size(); ++row) {
            fmt::format_to(std::back_inserter(out), "{}{}", row == 0 ? "" : ",", times[row]);
        }
        out += "]}\n";
        if (out.size() >= kPieceBytes) {
            if (!sink(out)) {
                return nobody_reads();
            }
            out.clear();
        }
    }
    return out.empty() || sink(out) ? Result<void>() : Result<void>(nobody_reads());
}

}  // namespace seyir::collector::api

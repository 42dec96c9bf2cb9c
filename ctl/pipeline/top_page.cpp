// SPDX-License-Identifier: Apache-2.0
#include "ctl/pipeline/top_page.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace seyir::ctl {
namespace {

double sum(
    const std::vector<MetricSample>& metrics,
    std::string_view name,
    const std::string& component,
    std::string_view outcome = ""
) {
    double total = 0;
    for (const MetricSample& sample : metrics) {
        const auto at = sample.labels.find("component");
        const auto output = sample.labels.find("output");
        const bool is_its = (at != sample.labels.end() && at->second == component) ||
                            (output != sample.labels.end() && output->second == component);
        if (sample.name != name || !is_its) {
            continue;
        }
        const auto answer = sample.labels.find("outcome");
        if (outcome.empty() || (answer != sample.labels.end() && answer->second == outcome)) {
            total += sample.value;
        }
    }
    return total;
}

void fill(ComponentRow& row, const std::vector<MetricSample>& m) {
    const auto of = [&](std::string_view name, std::string_view outcome = "") {
        return sum(m, name, row.id, outcome);
    };
    row.dropped_rows = of("seyir_pipeline_dropped_rows_total");
    if (row.kind == "input") {
        row.out_rows = of("seyir_pipeline_input_rows_total");
        row.bytes = of("seyir_pipeline_input_bytes_total");
    } else if (row.kind == "filter") {
        row.in_rows = of("seyir_pipeline_filter_in_rows_total");
        row.out_rows = of("seyir_pipeline_filter_out_rows_total");
        row.failed_rows = of("seyir_pipeline_filter_failed_rows_total");
        row.waiting_rows = of("seyir_pipeline_filter_held_rows");
    } else {
        row.in_rows = of("seyir_pipeline_output_rows_total");
        row.out_rows = of("seyir_pipeline_output_answers_rows_total", "delivered") +
                       of("seyir_pipeline_output_answers_rows_total", "duplicate");
        row.failed_rows = of("seyir_pipeline_output_answers_rows_total", "dead_letter");
        row.waiting_rows = of("seyir_pipeline_output_in_flight_rows") + of("seyir_buffer_rows");
    }
}

std::string rate(double now, double before, double seconds) {
    return seconds <= 0 ? "-" : short_number(std::max(0.0, now - before) / seconds);
}

std::string cut(std::string text, size_t width) {
    if (text.size() > width) {
        text.resize(width);
    }
    return text;
}

}  // namespace

std::string short_number(double value) {
    static constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    while (std::fabs(value) >= 999.5 && unit + 1 < std::size(kUnits)) {
        value /= 1000;
        ++unit;
    }
    const bool is_whole = unit == 0 && value == std::floor(value);
    return is_whole ? fmt::format("{:.0f}", value)
                    : fmt::format("{:.{}f}{}", value, value < 99.95 ? 1 : 0, kUnits[unit]);
}

TopLook look(double seconds, const json::View& health, const std::vector<MetricSample>& metrics) {
    TopLook look{.seconds = seconds, .rows = {}};
    const auto components = health.get("components");
    if (!components) {
        return look;
    }
    components->for_each_element([&](const json::View& component) {
        const auto text = [&](std::string_view name) {
            const auto field = component.get(name);
            return std::string(field ? field->string().value_or("") : "");
        };
        ComponentRow row{.id = text("id"), .kind = text("kind"), .message = text("message")};
        const auto ok = component.get("ok");
        row.ok = !ok || ok->boolean().value_or(true);
        fill(row, metrics);
        look.rows.push_back(std::move(row));
        return true;
    });
    return look;
}

std::string top_page(
    const TopLook& before,
    const TopLook& now,
    std::string_view title,
    size_t width,
    size_t height,
    bool color
) {
    std::vector<std::string> lines = {
        cut(std::string(title), width),
        "",
        fmt::format(
            "{:<7} {:<20} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7}  {}",
            "KIND",
            "COMPONENT",
            "IN/s",
            "OUT/s",
            "DROP/s",
            "FAIL/s",
            "WAITING",
            "BYTES/s",
            "HEALTH"
        ),
    };
    for (const ComponentRow& row : now.rows) {
        const auto at = std::ranges::find_if(before.rows, [&](const ComponentRow& other) {
            return other.id == row.id && other.kind == row.kind;
        });
        const ComponentRow was = at == before.rows.end() ? row : *at;
        const double seconds = now.seconds - before.seconds;
        std::string line = fmt::format(
            "{:<7} {:<20} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7}  {}",
            row.kind,
            cut(row.id, 20),
            row.kind == "input" ? "" : rate(row.in_rows, was.in_rows, seconds),
            rate(row.out_rows, was.out_rows, seconds),
            rate(row.dropped_rows, was.dropped_rows, seconds),
            rate(row.failed_rows, was.failed_rows, seconds),
            short_number(row.waiting_rows),
            row.kind == "input" ? rate(row.bytes, was.bytes, seconds) : "",
            row.ok ? "ok" : row.message
        );
        line = cut(std::move(line), width);
        lines.push_back(color && !row.ok ? "\x1b[31m" + line + "\x1b[0m" : line);
    }
    if (lines.size() > height && height > 1) {
        const size_t hidden = lines.size() - height + 1;
        lines.resize(height - 1);
        lines.push_back(fmt::format("... and {} more; make the terminal taller", hidden));
    }
    return fmt::format("{}\n", fmt::join(lines, "\n"));
}

}  // namespace seyir::ctl

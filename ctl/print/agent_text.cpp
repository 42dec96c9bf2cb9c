// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/agent_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "ctl/print/status_text.hpp"
#include "ctl/print/terminal.hpp"

namespace seyir::ctl {
namespace {

using json::View;

std::string text_of(const View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? clean_text(field->string().value_or("")) : "";
}

double number_of(const View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? std::max(field->number().value_or(0), 0.0) : 0;
}

std::string bytes_of(const View& object, std::string_view name) {
    return format_bytes(static_cast<uint64_t>(number_of(object, name)));
}

std::string count_of(const View& object, std::string_view name) {
    return grouped(static_cast<uint64_t>(number_of(object, name)));
}

void title(std::string& out, std::string_view text, bool color) {
    out += out.empty() ? "" : "\n";
    append_colored(out, Color::kBold, text, color);
    out += '\n';
}

void add_output(std::string& out, const View& output, bool color) {
    out += fmt::format("  {:<16} {:<10} ", text_of(output, "id"), text_of(output, "type"));
    if (const auto connected = output.get("connected")) {
        const bool is_connected = connected->boolean() == true;
        append_colored(
            out,
            is_connected ? Color::kGreen : Color::kRed,
            is_connected ? "connected to " : "not connected, tries ",
            color
        );
        out += text_of(output, "endpoint");
        out += fmt::format(
            "\n{:30}{} under way of {} credit, {} frames wait, ",
            "",
            bytes_of(output, "under_way_bytes"),
            bytes_of(output, "credit_bytes"),
            count_of(output, "waiting_frames")
        );
        if (number_of(output, "held_frames") > 0) {
            out += count_of(output, "held_frames") + " of them for another endpoint, ";
        }
        out += output.get("last_ack_age_seconds")
                   ? "last ack " + span_text(number_of(output, "last_ack_age_seconds")) + " ago"
                   : "no ack yet";
        out += fmt::format("\n{:30}agent id {}", "", text_of(output, "agent_id"));
    }
    if (const auto spool = output.get("spool")) {
        out += fmt::format(
            "\n{:30}spool: {} records, {} of {}, oldest {}, when full: {}",
            "",
            count_of(*spool, "rows"),
            bytes_of(*spool, "bytes"),
            bytes_of(*spool, "max_bytes"),
            span_text(number_of(*spool, "oldest_seconds")),
            text_of(*spool, "when_full")
        );
    }
    out += '\n';
}

void add_input(std::string& out, const View& input) {
    out += fmt::format(
        "  {:<16} {:<12} {:>10} {:>9} {:>10}",
        text_of(input, "id"),
        text_of(input, "type"),
        input.get("lag_bytes") ? bytes_of(input, "lag_bytes") : "-",
        span_text(number_of(input, "lag_seconds")),
        bytes_of(input, "in_flight_bytes")
    );
    if (input.get("files")) {
        out += fmt::format(
            " {:>8} ({} open)", count_of(input, "files"), count_of(input, "open_files")
        );
        if (number_of(input, "ignored") > 0) {
            out += fmt::format(", {} older than ignore_older", count_of(input, "ignored"));
        }
    }
    out += '\n';
    const auto complaints = input.get("complaints");
    for (const View& complaint : complaints ? complaints->elements() : std::vector<View>()) {
        out += "    " + clean_text(complaint.string().value_or("")) + '\n';
    }
}

void add_troubles(std::string& out, const View& status, bool color) {
    const auto components = status.get("components");
    bool is_first = true;
    for (const View& one : components ? components->elements() : std::vector<View>()) {
        const auto ok = one.get("ok");
        if (!ok || ok->boolean() != false) {
            continue;
        }
        if (std::exchange(is_first, false)) {
            title(out, "Not well", color);
        }
        out += fmt::format(
            "  {} ({}): {}\n", text_of(one, "id"), text_of(one, "kind"), text_of(one, "message")
        );
    }
}

/// Counters of what did not arrive are told by their names. What a collector refused is counted by
/// the buffer or the pipeline before that output too, with the reason: once is enough.
bool tells_of_loss(const MetricSample& sample) {
    if (sample.name == "seyir_ship_dropped_rows_total") {
        return false;
    }
    constexpr std::array<std::string_view, 5> kWords = {
        "_dropped_", "_lost_", "_left_out_", "_corrupt_", "_rejected_"
    };
    const bool is_notice = sample.name.ends_with("_notices_total");
    return sample.value > 0 && !is_notice && sample.name.ends_with("_total") &&
           std::ranges::any_of(kWords, [&](std::string_view word) {
               return sample.name.find(word) != std::string::npos;
           });
}

/// Refused rows are counted as dropped by those that sent them, and are not lost.
void add_letters(std::string& out, std::span<const MetricSample> metrics) {
    for (const MetricSample& sample : metrics) {
        const auto label = [&](std::string_view name) {
            const auto at = std::ranges::find(sample.labels, name, [](const auto& pair) {
                return std::string_view(pair.first);
            });
            return at == sample.labels.end() ? "" : std::string(at->second);
        };
        if (sample.name == "seyir_pipeline_output_answers_rows_total" && sample.value > 0 &&
            label("component") == "dead_letter" && label("outcome") == "delivered") {
            out += fmt::format(
                "  {:>14}  kept in dead_letter: state_dir/dead_letter/records.jsonl, with the "
                "reasons\n",
                grouped(static_cast<uint64_t>(sample.value))
            );
        }
    }
}

void add_drop(std::string& out, const MetricSample& sample) {
    std::string labels;
    for (const auto& [name, value] : sample.labels) {
        labels += fmt::format("{}{}={}", labels.empty() ? "" : ", ", name, clean_text(value));
    }
    out += fmt::format(
        "  {:>14}  {}{}{}\n",
        grouped(static_cast<uint64_t>(sample.value)),
        sample.name,
        labels.empty() ? "" : "  ",
        labels
    );
}

}  // namespace

std::string agent_text(
    const json::View& status, std::span<const MetricSample> metrics, bool color
) {
    std::string out;
    add_troubles(out, status, color);
    title(out, "Outputs", color);
    const auto outputs = status.get("outputs");
    for (const View& output : outputs ? outputs->elements() : std::vector<View>()) {
        add_output(out, output, color);
    }
    title(out, "Inputs", color);
    out += fmt::format(
        "  {:<16} {:<12} {:>10} {:>9} {:>10} {:>8}\n", "", "", "lag", "behind", "in flight", "files"
    );
    const auto inputs = status.get("inputs");
    for (const View& input : inputs ? inputs->elements() : std::vector<View>()) {
        add_input(out, input);
    }
    title(out, "Dropped since the start", color);
    const size_t before = out.size();
    for (const MetricSample& sample : metrics) {
        if (tells_of_loss(sample)) {
            add_drop(out, sample);
        }
    }
    add_letters(out, metrics);
    out += out.size() == before ? "  nothing\n" : "";
    return out;
}

}  // namespace seyir::ctl

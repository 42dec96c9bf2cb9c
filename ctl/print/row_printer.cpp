// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/row_printer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"
#include "common/json/writer.hpp"

namespace seyir::ctl {

namespace {

// How far into a line a level may stand: after a date, a host and a program name.
constexpr size_t kLevelWindowBytes = 96;

struct LevelName {
    std::string_view written;  // lower case
    std::string_view level;
};

constexpr std::array kLevels{
    LevelName{"fatal", "fatal"},
    LevelName{"critical", "fatal"},
    LevelName{"panic", "fatal"},
    LevelName{"emerg", "fatal"},
    LevelName{"alert", "fatal"},
    LevelName{"crit", "fatal"},
    LevelName{"error", "error"},
    LevelName{"err", "error"},
    LevelName{"warning", "warn"},
    LevelName{"warn", "warn"},
    LevelName{"notice", "info"},
    LevelName{"information", "info"},
    LevelName{"info", "info"},
    LevelName{"debug", "debug"},
    LevelName{"trace", "trace"},
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view level_named(std::string_view word) {
    const auto found = std::ranges::find_if(kLevels, [word](const LevelName& entry) {
        return std::ranges::equal(entry.written, word, [](char a, char b) {
            return a == (is_letter(b) ? static_cast<char>(b | 0x20) : b);
        });
    });
    return found == kLevels.end() ? std::string_view() : found->level;
}

const std::string* find_label(const LabelList& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, &std::pair<std::string, std::string>::first);
    return found == list.end() ? nullptr : &found->second;
}

/// Upper-case words, and values after `level=` or `"level":"`: prose does not write them so.
std::string_view level_in_line(std::string_view line) {
    line = line.substr(0, kLevelWindowBytes);
    size_t begin = 0;
    std::string_view previous;
    while (begin < line.size()) {
        if (!is_letter(line[begin])) {
            ++begin;
            continue;
        }
        size_t end = begin;
        while (end < line.size() && is_letter(line[end])) {
            ++end;
        }
        const auto word = line.substr(begin, end - begin);
        const bool is_upper = std::ranges::all_of(word, [](char c) { return c < 'a'; });
        const bool is_value = previous == "level" || previous == "severity" || previous == "lvl";
        if (is_upper || is_value) {
            const auto level = level_named(word);
            if (!level.empty()) {
                return level;
            }
        }
        previous = word;
        begin = end;
    }
    return {};
}

Color color_of(std::string_view level) {
    if (level == "fatal" || level == "error") {
        return Color::kRed;
    }
    if (level == "warn") {
        return Color::kYellow;
    }
    return level == "info" ? Color::kGreen : Color::kBlue;
}

void write_labels(json::Writer& writer, std::string_view name, const LabelList& list) {
    writer.key(name);
    writer.begin_object();
    for (const auto& [key, value] : list) {
        writer.member(key, value);
    }
    writer.end_object();
}

void append_json_row(std::string& out, const RowView& row) {
    json::Writer writer(out);
    writer.begin_object();
    writer.member("timestamp", to_rfc3339(row.ts));
    writer.member("timestamp_ns", std::to_string(row.ts.value));
    write_labels(writer, "labels", *row.labels);
    if (!row.attributes.empty()) {
        write_labels(writer, "attributes", row.attributes);
    }
    if (!row.parsed.empty()) {
        write_labels(writer, "parsed", row.parsed);
    }
    writer.member("line", row.line);
    if (!is_utf8(row.line)) {
        std::string exact;
        append_base64(exact, row.line);
        writer.member("line_base64", exact);
    }
    writer.end_object();
    out += '\n';
}

std::string short_labels(const RowView& row) {
    std::string text;
    for (const char* name : {"service_name", "host"}) {
        if (const auto* value = find_label(*row.labels, name)) {
            text += (text.empty() ? "" : "@") + *value;
        }
    }
    return text.empty() ? labels_text(*row.labels) : text;
}

std::string all_labels(const RowView& row) {
    LabelList all = *row.labels;
    all.insert(all.end(), row.attributes.begin(), row.attributes.end());
    all.insert(all.end(), row.parsed.begin(), row.parsed.end());
    return labels_text(all);
}

/// Six digits are what people compare; whole numbers, NaN and infinities stay as written.
std::string short_number(std::string_view value) {
    if (value.find_first_of(".e") == std::string_view::npos) {
        return std::string(value);
    }
    double number = 0;
    const auto* const end = value.data() + value.size();
    const auto [stop, code] = std::from_chars(value.data(), end, number);
    if (code != std::errc() || stop != end) {
        return std::string(value);
    }
    const double size = std::abs(number);
    const bool needs_whole = size >= 1e6 && size < 1e15;
    return needs_whole ? fmt::format("{:.0f}", number) : fmt::format("{:.6g}", number);
}

void append_human_row(std::string& out, const RowView& row, const PrintStyle& style) {
    append_colored(out, Color::kDim, display_time(row.ts, style.utc), style.color);
    const auto level = level_of(row);
    out += ' ';
    std::string padded(level);
    padded.resize(5, ' ');
    if (level.empty()) {
        out += padded;
    } else {
        append_colored(out, color_of(level), padded, style.color);
    }
    out += ' ';
    if (style.labels != LabelDisplay::kNone) {
        const auto labels =
            style.labels == LabelDisplay::kAll ? all_labels(row) : short_labels(row);
        append_colored(out, Color::kDim, style.clean ? clean_text(labels) : labels, style.color);
        out += ' ';
    }
    if (style.clean) {
        out += clean_text(row.line);
    } else {
        out += row.line;
    }
    out += '\n';
}

}  // namespace

std::string_view level_of(const RowView& row) {
    for (const LabelList* list : {&row.parsed, &row.attributes, row.labels}) {
        for (const char* name : {"detected_level", "level", "severity", "severity_text"}) {
            const auto* value = find_label(*list, name);
            const auto level = value != nullptr ? level_named(*value) : std::string_view();
            if (!level.empty()) {
                return level;
            }
        }
    }
    return level_in_line(row.line);
}

std::string labels_text(const LabelList& labels) {
    std::string text = "{";
    for (const auto& [name, value] : labels) {
        text += (text.size() == 1 ? "" : ", ") + name + "=" + json_quote(value);
    }
    return text + "}";
}

void append_row(std::string& out, const RowView& row, const PrintStyle& style) {
    switch (style.form) {
        case OutputForm::kJson:
            append_json_row(out, row);
            return;
        case OutputForm::kRaw:
            out += row.line;
            out += '\n';
            return;
        case OutputForm::kHuman:
            append_human_row(out, row, style);
            return;
    }
}

void append_sample(
    std::string& out,
    const LabelList& metric,
    std::string_view seconds,
    std::string_view value,
    const PrintStyle& style
) {
    const auto ts = nanos_of_seconds(seconds);
    if (style.form == OutputForm::kRaw) {
        out.append(value) += '\n';
        return;
    }
    if (style.form == OutputForm::kJson) {
        json::Writer writer(out);
        writer.begin_object();
        writer.member("timestamp", to_rfc3339(ts));
        write_labels(writer, "metric", metric);
        writer.member("value", value);
        writer.end_object();
        out += '\n';
        return;
    }
    append_colored(out, Color::kDim, display_time(ts, style.utc), style.color);
    const auto labels = labels_text(metric);
    fmt::format_to(std::back_inserter(out), "  {:>12}  ", short_number(value));
    append_colored(out, Color::kDim, style.clean ? clean_text(labels) : labels, style.color);
    out += '\n';
}

}  // namespace seyir::ctl

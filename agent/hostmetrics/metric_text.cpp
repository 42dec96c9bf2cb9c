// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/metric_text.hpp"

#include <iterator>

#include <fmt/format.h>

namespace seyir::agent::hostmetrics {

void MetricText::family(std::string_view name, std::string_view type, std::string_view help) {
    name_.assign(name);
    fmt::format_to(
        std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type
    );
}

void MetricText::head(LabelViews labels) {
    out_ += name_;
    char before = '{';
    for (const auto& [name, value] : labels) {
        out_ += before;
        before = ',';
        out_ += name;
        out_ += "=\"";
        for (const char c : value) {
            if (c == '\n') {
                out_ += "\\n";
                continue;
            }
            if (c == '"' || c == '\\') {
                out_ += '\\';
            }
            out_ += c;
        }
        out_ += '"';
    }
    out_ += before == ',' ? "} " : " ";
}

void MetricText::sample(LabelViews labels, uint64_t value) {
    head(labels);
    fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void MetricText::sample(LabelViews labels, double value) {
    head(labels);
    fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void MetricText::sample_fraction(LabelViews labels, uint64_t value, uint64_t divisor) {
    head(labels);
    int digits = 0;
    for (uint64_t d = divisor; d > 1; d /= 10) {
        ++digits;
    }
    fmt::format_to(
        std::back_inserter(out_), "{}.{:0{}}\n", value / divisor, value % divisor, digits
    );
}

std::string_view MetricText::joined(std::string_view a, std::string_view b, std::string_view c) {
    joined_.assign(a);
    joined_ += b;
    joined_ += c;
    return joined_;
}

}  // namespace seyir::agent::hostmetrics

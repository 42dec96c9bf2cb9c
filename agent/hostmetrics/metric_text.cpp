// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/metric_text.hpp"

#include <iterator>

#include <fmt/format.h>

namespace seyir::agent::hostmetrics {

void MetricText::family(std::string_view name, std::string_view type, std::string_view help) {
    if (writer_ != nullptr) {
        writer_->family(
            name,
            type == "counter" ? samples::MetricType::kCounter
            : type == "gauge" ? samples::MetricType::kGauge
                              : samples::MetricType::kUnknown
        );
        return;
    }
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
    ++series_;
    if (writer_ != nullptr) {
        writer_->sample(std::span(labels.begin(), labels.size()), static_cast<double>(value));
        return;
    }
    head(labels);
    fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void MetricText::sample(LabelViews labels, double value) {
    ++series_;
    if (writer_ != nullptr) {
        writer_->sample(std::span(labels.begin(), labels.size()), value);
        return;
    }
    head(labels);
    fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void MetricText::sample_fraction(LabelViews labels, uint64_t value, uint64_t divisor) {
    ++series_;
    if (writer_ != nullptr) {
        const double exact = static_cast<double>(value) / static_cast<double>(divisor);
        writer_->sample(std::span(labels.begin(), labels.size()), exact);
        return;
    }
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

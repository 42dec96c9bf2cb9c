// SPDX-License-Identifier: Apache-2.0
#include "ctl/pipeline/metric_text.hpp"

#include <charconv>
#include <optional>

namespace seyir::ctl {
namespace {

/// The text between quotes; `at` is just behind the opening one and ends behind the closing one.
std::optional<std::string> quoted(std::string_view line, size_t& at) {
    std::string value;
    for (; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' && at + 1 < line.size()) {
            ++at;
            value += line[at] == 'n' ? '\n' : line[at];
        } else {
            value += line[at];
        }
    }
    if (at >= line.size()) {
        return std::nullopt;
    }
    ++at;
    return value;
}

bool read_labels(std::string_view line, size_t& at, MetricSample& sample) {
    while (at < line.size() && line[at] != '}') {
        const size_t equals = line.find("=\"", at);
        if (equals == std::string_view::npos) {
            return false;
        }
        const std::string name(line.substr(at, equals - at));
        at = equals + 2;
        const auto value = quoted(line, at);
        if (!value) {
            return false;
        }
        sample.labels[name] = *value;
        at += at < line.size() && line[at] == ',' ? 1 : 0;
    }
    ++at;
    return at < line.size();
}

std::optional<MetricSample> read_line(std::string_view line) {
    MetricSample sample;
    size_t at = line.find_first_of("{ ");
    if (line.empty() || line[0] == '#' || at == std::string_view::npos) {
        return std::nullopt;
    }
    sample.name = line.substr(0, at);
    if (line[at] == '{' && !read_labels(line, ++at, sample)) {
        return std::nullopt;
    }
    while (at < line.size() && line[at] == ' ') {
        ++at;
    }
    const auto [end, error] =
        std::from_chars(line.data() + at, line.data() + line.size(), sample.value);
    return error == std::errc() ? std::optional(std::move(sample)) : std::nullopt;
}

}  // namespace

std::vector<MetricSample> read_metrics(std::string_view text) {
    std::vector<MetricSample> samples;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        if (auto sample = read_line(text.substr(at, end - at))) {
            samples.push_back(std::move(*sample));
        }
        at = end + 1;
    }
    return samples;
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
#include "collector/query/series.hpp"

#include <algorithm>

#include "common/base/text.hpp"

namespace seyir::query {

size_t samples_of(const LabelSet& labels, size_t points) {
    size_t bytes = sizeof(Series);
    for (const auto& [name, value] : labels) {
        bytes += sizeof(LabelSet::value_type) + name.size() + value.size();
    }
    return points + bytes / kSampleBytes;
}

size_t samples_of(const Matrix& matrix) {
    size_t samples = 0;
    for (const Series& series : matrix.series) {
        samples += samples_of(series.labels, series.values.size());
    }
    return samples;
}

std::string label_key(const LabelSet& labels) {
    std::string key;
    for (const auto& [name, value] : labels) {
        for (const std::string* text : {&name, &value}) {
            const auto size = static_cast<uint32_t>(text->size());
            key.append(reinterpret_cast<const char*>(&size), sizeof(size));
            key += *text;
        }
    }
    return key;
}

std::string_view label_value(const LabelSet& labels, std::string_view name) {
    const auto at = std::ranges::find(labels, name, &LabelSet::value_type::first);
    return at == labels.end() ? std::string_view() : at->second;
}

void drop_empty(Matrix& matrix) {
    std::erase_if(matrix.series, [](const Series& series) {
        return std::ranges::all_of(series.values, is_absent);
    });
}

std::string to_text(const LabelSet& labels) {
    std::string out = "{";
    for (const auto& [name, value] : labels) {
        out += out.size() == 1 ? "" : ", ";
        out += name;
        out += '=';
        append_json_quoted(out, value);
    }
    return out + "}";
}

}  // namespace seyir::query

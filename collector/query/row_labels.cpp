// SPDX-License-Identifier: Apache-2.0
#include "collector/query/row_labels.hpp"

#include "common/base/text.hpp"

namespace seyir::query {

void StandIn::show(
    const store::LineValues& values,
    uint32_t i,
    const store::LineWants& wants,
    logql::ScratchRow& row
) {
    found_.clear();
    for (size_t k = 0; k < values.labels.size(); ++k) {
        const store::LineValues::Label& label = *values.labels[k];
        const uint32_t number = label.numbers[i];
        if (number == store::LineValues::kAbsent) {
            continue;
        }
        std::string_view value;
        if (label.write) {
            text_.clear();
            label.write(text_, number - 1);
            value = row.scratch().copy(text_);
        } else {
            value = label.texts[number - 1];
        }
        found_.push_back({wants.labels[k].name, value});
    }
    row.stand_in(found_);
}

std::string row_labels_json(const logql::ScratchRow& row) {
    std::string parts[2];
    row.for_each_label([&](const logql::Label& label) {
        if (label.source == logql::LabelSource::kStream) {
            return;
        }
        std::string& part = parts[label.source == logql::LabelSource::kParsed ? 1 : 0];
        part += part.empty() ? "" : ",";
        append_json_quoted(part, label.name);
        part += ':';
        append_json_quoted(part, label.value);
    });
    if (parts[0].empty() && parts[1].empty()) {
        return "{}";
    }
    std::string json = "{";
    if (!parts[0].empty()) {
        json += "\"structuredMetadata\":{" + parts[0] + "}";
    }
    if (!parts[1].empty()) {
        json += json.size() > 1 ? "," : "";
        json += "\"parsed\":{" + parts[1] + "}";
    }
    return json + "}";
}

void LabelKey::assign_named(const logql::ScratchRow& row, const std::vector<std::string>& names) {
    labels_.clear();
    bytes_.clear();
    for (const std::string& name : names) {
        const std::string_view value = row.get_or_empty(name);
        if (!value.empty()) {
            labels_.emplace_back(name, value);
            append(name);
            append(value);
        }
    }
}

LabelSet LabelKey::labels() const {
    LabelSet labels;
    labels.reserve(labels_.size());
    for (const auto& [name, value] : labels_) {
        labels.emplace_back(name, value);
    }
    return labels;
}

std::optional<OwnLabelsCache::Key> OwnLabelsCache::key_of(const logql::ScratchRow& row) {
    if (!row.is_plain()) {
        return std::nullopt;
    }
    const ::seyir::Row stored = row.batch().row(row.index());
    if (stored.trace != TraceIds{}) {
        return std::nullopt;  // as good as unique
    }
    const SeverityNumber level = row.detects_level() ? row.level() : stored.severity;
    return Key{stored.attrs.begin, stored.attrs.count, stored.stream, level};
}

}  // namespace seyir::query

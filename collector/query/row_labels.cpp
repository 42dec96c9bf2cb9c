// SPDX-License-Identifier: Apache-2.0
#include "collector/query/row_labels.hpp"

namespace seyir::query {

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

// SPDX-License-Identifier: Apache-2.0
// Labels of rows as keys of hash tables, and a cache for rows that no stage has touched.
// Threads: one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collector/query/series.hpp"
#include "collector/store/line_wants.hpp"
#include "common/logql/stage/scratch_row.hpp"

namespace seyir::query {

/// Shows rows with the values that stand for their lines.
class StandIn {
  public:
    /// Requires: `row` is bound to row `i` of the values' batch.
    void show(
        const store::LineValues& values,
        uint32_t i,
        const store::LineWants& wants,
        logql::ScratchRow& row
    );

  private:
    std::vector<logql::FoundValue> found_;
    std::string text_;
};

/// The labels a predicate wants, sorted by name, as one string (each text behind its length).
class LabelKey {
  public:
    template <class Wanted>
    void assign(const logql::ScratchRow& row, Wanted wanted) {
        labels_.clear();
        row.for_each_label([&](const logql::Label& label) {
            if (wanted(label)) {
                labels_.emplace_back(label.name, label.value);
            }
        });
        std::ranges::sort(labels_);
        bytes_.clear();
        for (const auto& [name, value] : labels_) {
            append(name);
            append(value);
        }
    }

    /// The named labels only; absent and empty ones are left out. `names` is sorted.
    void assign_named(const logql::ScratchRow& row, const std::vector<std::string>& names);

    std::string_view bytes() const { return bytes_; }

    LabelSet labels() const;

  private:
    void append(std::string_view text) {
        const auto size = static_cast<uint32_t>(text.size());
        bytes_.append(reinterpret_cast<const char*>(&size), sizeof(size));
        bytes_ += text;
    }

    std::vector<std::pair<std::string_view, std::string_view>> labels_;
    std::string bytes_;
};

/// `{"structuredMetadata":{..},"parsed":{..}}` without empty parts: the labels that are not the
/// stream's.
std::string row_labels_json(const logql::ScratchRow& row);

/// Rows of one page that share stream, attributes and severity have the same labels of their own:
/// their index is looked up without building a key.
class OwnLabelsCache {
  public:
    void clear() { known_.clear(); }

    std::optional<uint32_t> find(const logql::ScratchRow& row) const {
        const auto key = key_of(row);
        if (!key) {
            return std::nullopt;
        }
        const auto at = known_.find(*key);
        return at == known_.end() ? std::nullopt : std::optional(at->second);
    }

    void insert(const logql::ScratchRow& row, uint32_t index) {
        if (const auto key = key_of(row)) {
            known_.emplace(*key, index);
        }
    }

  private:
    struct Key {
        uint32_t attrs_begin = 0;
        uint32_t attrs_count = 0;
        uint16_t stream = 0;
        SeverityNumber severity = 0;

        bool operator==(const Key&) const = default;
    };

    struct Hash {
        size_t operator()(const Key& key) const {
            const uint64_t low = (uint64_t{key.stream} << 8) | key.severity;
            return ((low << 32) ^ key.attrs_begin) * 0x9e3779b97f4a7c15ULL;
        }
    };

    static std::optional<Key> key_of(const logql::ScratchRow& row);

    std::unordered_map<Key, uint32_t, Hash> known_;
};

}  // namespace seyir::query

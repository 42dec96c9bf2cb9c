// SPDX-License-Identifier: Apache-2.0
// RowClasses: rows of a page that differ in nothing that stages and labels see but their time. A
// metric query runs its stages once a class.
// Threads: one owner.   Memory: a number a row.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "collector/store/log_store.hpp"

namespace seyir::query {

class RowClasses {
  public:
    /// A row that shares its labels with no other, or whose line must be read.
    static constexpr uint32_t kAlone = UINT32_MAX;

    /// Rows of a class may differ in the label with index `except`. Requires: page.values.
    void assign(const store::Page& page, size_t except = SIZE_MAX);

    uint32_t of(uint32_t row) const { return classes_[row]; }

    size_t count() const { return count_; }

  private:
    struct Key {
        AttrRange attrs;
        uint16_t stream = 0;
        SeverityNumber severity = 0;

        bool operator==(const Key&) const = default;
    };

    struct Hash {
        size_t operator()(const Key& key) const {
            const uint64_t low = (uint64_t{key.stream} << 8) | key.severity;
            return ((low << 32) ^ key.attrs.begin) * 0x9e3779b97f4a7c15ULL;
        }
    };

    void assign_own(const store::Page& page);
    void split(const store::LineValues::Label& label);

    std::vector<uint32_t> classes_;  ///< by row of the batch
    uint32_t count_ = 0;
    std::unordered_map<Key, uint32_t, Hash> own_;
    std::unordered_map<uint64_t, uint32_t> pairs_;
    std::vector<uint32_t> table_;
};

}  // namespace seyir::query

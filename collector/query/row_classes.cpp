// SPDX-License-Identifier: Apache-2.0
#include "collector/query/row_classes.hpp"

namespace seyir::query {
namespace {

constexpr size_t kTableMax = 64 * 1024;

}  // namespace

void RowClasses::assign(const store::Page& page, size_t except) {
    assign_own(page);
    for (size_t k = 0; k < page.values->labels.size(); ++k) {
        if (k != except) {
            split(*page.values->labels[k]);
        }
    }
}

/// By what rows have beside their line.
void RowClasses::assign_own(const store::Page& page) {
    const RecordBatch& batch = *page.batch;
    const store::LineValues& values = *page.values;
    classes_.resize(batch.row_count());
    own_.clear();
    count_ = 0;
    Key last;
    uint32_t last_class = kAlone;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        if (values.has_line[i] != 0 || batch.trace(i) != TraceIds{}) {
            classes_[i] = kAlone;
            continue;
        }
        const Key key{batch.attr_range(i), batch.stream(i), batch.severity(i)};
        if (last_class == kAlone || !(key == last)) {
            const auto [at, is_new] = own_.try_emplace(key, count_);
            count_ += is_new ? 1 : 0;
            last = key;
            last_class = at->second;
        }
        classes_[i] = last_class;
    }
}

/// Each class into those with the same value.
void RowClasses::split(const store::LineValues::Label& label) {
    const size_t values = size_t{label.text_count} + 1;
    if (values > classes_.size() / 2 + 1) {
        classes_.assign(classes_.size(), kAlone);
        return;
    }
    const size_t pairs = values * count_;
    uint32_t count = 0;
    if (pairs <= kTableMax) {
        table_.assign(pairs, kAlone);
        for (size_t i = 0; i < classes_.size(); ++i) {
            if (classes_[i] == kAlone) {
                continue;
            }
            uint32_t& known = table_[classes_[i] * values + label.numbers[i]];
            if (known == kAlone) {
                known = count++;
            }
            classes_[i] = known;
        }
        count_ = count;
        return;
    }
    pairs_.clear();
    for (size_t i = 0; i < classes_.size(); ++i) {
        if (classes_[i] == kAlone) {
            continue;
        }
        const auto [at, is_new] =
            pairs_.try_emplace(uint64_t{classes_[i]} * values + label.numbers[i], count);
        count += is_new ? 1 : 0;
        classes_[i] = at->second;
    }
    count_ = count;
}

}  // namespace seyir::query

// SPDX-License-Identifier: Apache-2.0
// Filling a LogStore in tests: rows as plain values, one commit a call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collector/store/log_store.hpp"

namespace seyir::test {

using LabelMap = std::map<std::string, std::string>;

struct PlainRow {
    LabelMap labels;
    int64_t ts_ns = 0;
    std::string line;
    LabelMap metadata = {};
    SeverityNumber severity = kSeverityUnset;
};

inline RecordBatchPtr make_batch(const std::vector<PlainRow>& rows) {
    auto batch = std::make_shared<RecordBatch>();
    for (const PlainRow& row : rows) {
        std::vector<StreamLabels::Pair> pairs(row.labels.begin(), row.labels.end());
        std::vector<Attr> attrs;
        for (const auto& [name, value] : row.metadata) {
            attrs.push_back({batch->add_key(name), Value::string(batch->arena().copy(value))});
        }
        batch->append_row({
            .ts = {row.ts_ns},
            .stream = batch->add_stream(*StreamLabels::make(std::move(pairs))),
            .severity = row.severity,
            .body = batch->arena().copy(row.line),
            .attrs = batch->add_attrs(attrs),
        });
    }
    return batch;
}

/// One commit; false when the store refused it.
inline bool store_rows(store::LogStore& store, const std::vector<PlainRow>& rows) {
    bool stored = false;
    store.append({.view = {make_batch(rows), {}}}, [&](Result<store::Durable> durable) {
        stored = durable.has_value();
    });
    return stored;
}

}  // namespace seyir::test

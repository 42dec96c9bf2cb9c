// SPDX-License-Identifier: Apache-2.0
// Rows as short texts, for tests that compare what a filter made of them:
//   {app="a"} line [status=200 took=1.5d ok=true path="/x" text=1e999n p~=1] warn @5
// `~` marks a parsed attribute, `d` a double, `n` a number kept as text; a severity only where set.
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "common/base/text.hpp"
#include "common/record/batch.hpp"
#include "common/record/severity.hpp"

namespace seyir::test {

inline std::string attrs_text(const RecordBatch& batch, uint32_t row) {
    std::string out = "[";
    for (const Attr& attr : batch.attrs(row)) {
        out += out.size() > 1 ? " " : "";
        out += batch.keys()[attr.key];
        out += attr.is_parsed ? "~=" : "=";
        const bool is_text =
            attr.value.kind() == ValueKind::kString || attr.value.kind() == ValueKind::kBytes;
        out += is_text ? json_quote(attr.value.as_text()) : attr.value.to_text();
        out += attr.value.kind() == ValueKind::kNumberText ? "n" : "";
        out += attr.value.kind() == ValueKind::kDouble ? "d" : "";
    }
    return out + "]";
}

inline std::string row_text(const RecordBatch& batch, uint32_t row) {
    std::string out = batch.streams()[batch.stream(row)]->to_text() + " ";
    out += std::string(batch.body(row)) + " " + attrs_text(batch, row);
    if (batch.severity(row) != kSeverityUnset) {
        out += " " + std::string(level_name(batch.severity(row)));
    }
    return out + " @" + std::to_string(batch.ts(row).value);
}

inline std::vector<std::string> row_texts(const std::vector<BatchView>& views) {
    std::vector<std::string> out;
    for (const BatchView& view : views) {
        for_each_row(view, [&](uint32_t i) { out.push_back(row_text(*view.batch, i)); });
    }
    return out;
}

}  // namespace seyir::test

// SPDX-License-Identifier: Apache-2.0
#include "common/record/record_json.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"

namespace seyir {
namespace {

void append_hex_member(std::string& out, std::string_view name, std::span<const uint8_t> bytes) {
    if (std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; })) {
        return;
    }
    out.append(",\"").append(name).append("\":\"");
    for (const uint8_t b : bytes) {
        out += fmt::format("{:02x}", b);
    }
    out += '"';
}

void append_labels(std::string& out, const StreamLabels& labels) {
    out += ",\"labels\":{";
    const char* before = "";
    for (const auto& [name, value] : labels.pairs()) {
        out += before;
        append_json_quoted(out, name);
        out += ':';
        append_json_quoted(out, value);
        before = ",";
    }
    out += '}';
}

void append_attributes(std::string& out, const RecordBatch& batch, size_t row) {
    if (batch.attrs(row).empty()) {
        return;
    }
    out += ",\"attributes\":{";
    const char* before = "";
    for (const Attr& attr : batch.attrs(row)) {
        out += before;
        append_json_quoted(out, batch.keys()[attr.key]);
        out += ':';
        attr.value.append_json(out);
        before = ",";
    }
    out += '}';
}

}  // namespace

void append_record_json(std::string& out, const RecordBatch& batch, size_t row) {
    const Row record = batch.row(row);
    out.append("{\"timestamp\":\"").append(to_rfc3339(record.ts)).append("\"");
    if (record.observed.value != 0) {
        out.append(",\"observed_timestamp\":\"").append(to_rfc3339(record.observed)).append("\"");
    }
    append_labels(out, *batch.streams()[record.stream]);
    if (record.severity != kSeverityUnset) {
        out += fmt::format(
            ",\"severity_number\":{},\"severity_text\":\"{}\"",
            record.severity,
            level_name(record.severity)
        );
    }
    out += ",\"body\":";
    append_json_quoted(out, record.body);
    if (!is_utf8(record.body)) {
        out += ",\"body_base64\":\"";
        append_base64(out, record.body);
        out += '"';
    }
    append_attributes(out, batch, row);
    append_hex_member(out, "trace_id", record.trace.trace_id);
    append_hex_member(out, "span_id", record.trace.span_id);
    out += '}';
}

}  // namespace seyir

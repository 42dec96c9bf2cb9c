// SPDX-License-Identifier: Apache-2.0
// One record as one JSON document, lossless (R6.6): what exports and file outputs write.
// Format: docs/format/record-json.md
#pragma once

#include <string>

#include "common/record/batch.hpp"

namespace seyir {

/// Appends `{"timestamp":..,"labels":{..},"severity_number":..,"severity_text":..,"body":..,
/// "attributes":{..},"trace_id":..,"span_id":..}` without a newline. Absent parts are left out. A
/// body that is not UTF-8 is written with U+FFFD for people and as `body_base64` for programs.
void append_record_json(std::string& out, const RecordBatch& batch, size_t row);

}  // namespace seyir

// SPDX-License-Identifier: Apache-2.0
// append_record: one record as JSON -> a row with labels, severity, attributes and ids of its own.
// Threads: pure functions.   Limits: those of StreamLabels; depth 64; `line_bytes_max` of a body.
// Errors: what is wrong and in which column. Nothing is guessed: a member that is not known is an
// error, for it would be lost.   Format: docs/format/record-json.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/units.hpp"
#include "common/record/batch.hpp"

namespace seyir::collector::input {

/// Content-Type of such records, one a line; an input `http` takes it whatever its `format`.
inline constexpr std::string_view kRecordsContentType = "application/x-seyir-records";

/// A line beginning with this is no record: it says which stretch of an import the request is.
inline constexpr std::string_view kImportLine = "{\"import\":";

struct RecordProblem {
    size_t column = 1;
    std::string message;
};

/// Nothing = the row was appended.
std::optional<RecordProblem> append_record(
    RecordBatch& batch, std::string_view line, uint64_t line_bytes_max = kMiB
);

}  // namespace seyir::collector::input

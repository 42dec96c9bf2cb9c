// SPDX-License-Identifier: Apache-2.0
// RowStamp: time, severity and trace of a record from the fields with these roles.
// Room: plugins/filter/parse: FieldWriter -> BatchEditor.   Threads: one owner.
// Errors: none; a field that cannot be read leaves the record as it is, counted.
// Time: a wrong clock never refuses a record. Beyond the bounds the record keeps the time it was
// read at, and `timestamp_original` what the field said.
#pragma once

#include <string>

#include "common/record/batch_editor.hpp"
#include "plugins/filter/parse/field_writer.hpp"
#include "plugins/filter/parse/options.hpp"

namespace seyir::plugins::parse {

/// From a word or a number; 0 when it says nothing.
SeverityNumber severity_of(const Value& value, LevelScale scale);

/// 2 * N hexadecimal digits, not all zero.
template <size_t N>
bool parse_hex_id(const Value& value, std::array<uint8_t, N>& id);

class RowStamp {
  public:
    RowStamp(const Options& options, TimeZone zone);

    /// Sets what the fields say. May add `timestamp_original` to the fields.
    void apply(FieldWriter& fields, BatchEditor& edit, size_t row);

    struct Counts {
        uint64_t clamped = 0;
        uint64_t bad_time = 0;
        uint64_t bad_level = 0;
        uint64_t bad_trace = 0;
    };

    Counts take_counts() { return std::exchange(counts_, {}); }

  private:
    void apply_time(const Value& value, FieldWriter& fields, BatchEditor& edit, size_t row);
    void apply_level(const Value& value, BatchEditor& edit, size_t row);
    void apply_trace(const FieldWriter& fields, BatchEditor& edit, size_t row);
    std::optional<UnixNanos> time_of(const Value& value, UnixNanos reference);

    TimeFormat format_;
    TimeZone zone_;
    Nanos ahead_max_;
    Nanos behind_max_;
    LevelScale scale_;
    Counts counts_;
    // Many records of one second say the same: the last text and what it meant.
    std::string last_text_;
    UnixNanos last_time_;
    std::string last_level_text_;
    SeverityNumber last_level_ = kSeverityUnset;
};

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/row_stamp.hpp"

#include <algorithm>

#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr SeverityNumber kOfSyslog[] = {
    24, 22, kSeverityFatal, kSeverityError, kSeverityWarn, 10, kSeverityInfo, kSeverityDebug
};

/// Bands of ten, the first of which is `first`.
SeverityNumber of_tens(int64_t number, SeverityNumber first) {
    if (number < 10 || number > 69) {
        return kSeverityUnset;
    }
    return static_cast<SeverityNumber>(std::min<int64_t>(first + (number / 10 - 1) * 4, 21));
}

SeverityNumber of_number(int64_t number, LevelScale scale) {
    switch (scale) {
        case LevelScale::kOtel:
            return number >= 1 && number <= 24 ? static_cast<SeverityNumber>(number)
                                               : kSeverityUnset;
        case LevelScale::kSyslog:
            return number >= 0 && number <= 7 ? kOfSyslog[number] : kSeverityUnset;
        case LevelScale::kPino:
            return of_tens(number, kSeverityTrace);
        case LevelScale::kPython:
            return of_tens(number, kSeverityDebug);
        case LevelScale::kAuto:
            return number >= 10 ? of_tens(number, kSeverityTrace)
                                : of_number(number, LevelScale::kSyslog);
    }
    return kSeverityUnset;
}

}  // namespace

SeverityNumber severity_of(const Value& value, LevelScale scale) {
    if (value.kind() == ValueKind::kInt) {
        return of_number(value.as_int(), scale);
    }
    if (value.kind() != ValueKind::kString) {
        return kSeverityUnset;
    }
    if (const SeverityNumber word = severity_from_text(value.as_text()); word != kSeverityUnset) {
        return word;
    }
    const auto number = parse_int(value.as_text());
    return number ? of_number(*number, scale) : kSeverityUnset;
}

template <size_t N>
bool parse_hex_id(const Value& value, std::array<uint8_t, N>& id) {
    if (value.kind() != ValueKind::kString || value.as_text().size() != 2 * N) {
        return false;
    }
    bool is_zero = true;
    for (size_t i = 0; i < 2 * N; ++i) {
        const char c = value.as_text()[i];
        const char lower = static_cast<char>(c | 0x20);
        const int digit = c >= '0' && c <= '9'           ? c - '0'
                          : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                         : -1;
        if (digit < 0) {
            return false;
        }
        id[i / 2] = static_cast<uint8_t>(id[i / 2] << 4U | digit);
        is_zero = is_zero && digit == 0;
    }
    return !is_zero;
}

template bool parse_hex_id(const Value& value, std::array<uint8_t, 16>& id);
template bool parse_hex_id(const Value& value, std::array<uint8_t, 8>& id);

RowStamp::RowStamp(const Options& options, TimeZone zone)
    : format_(options.time_format),
      zone_(std::move(zone)),
      ahead_max_(options.ahead_max),
      behind_max_(options.behind_max),
      scale_(options.level_scale) {}

void RowStamp::apply(FieldWriter& fields, BatchEditor& edit, size_t row) {
    if (const Value* time = fields.role(Role::kTime)) {
        apply_time(*time, fields, edit, row);
    }
    if (const Value* level = fields.role(Role::kLevel)) {
        apply_level(*level, edit, row);
    }
    if (fields.role(Role::kTraceId) != nullptr || fields.role(Role::kSpanId) != nullptr) {
        apply_trace(fields, edit, row);
    }
}

std::optional<UnixNanos> RowStamp::time_of(const Value& value, UnixNanos reference) {
    if (value.kind() != ValueKind::kString || !format_.is_complete()) {
        return format_.parse(value, reference, zone_);
    }
    const Slice text = value.as_text();
    if (!text.empty() && text == last_text_) {
        return last_time_;
    }
    const auto time = format_.parse(value, reference, zone_);
    if (time && text.size() <= 64) {
        last_text_.assign(text);
        last_time_ = *time;
    }
    return time;
}

void RowStamp::apply_time(const Value& value, FieldWriter& fields, BatchEditor& edit, size_t row) {
    const RecordBatch& batch = edit.batch();
    const UnixNanos read_at = batch.observed(row).value != 0 ? batch.observed(row) : batch.ts(row);
    const auto time = time_of(value, read_at);
    if (!time) {
        ++counts_.bad_time;
        return;
    }
    const auto beyond = [](UnixNanos a, UnixNanos b, Nanos limit) {
        return a > b && static_cast<uint64_t>(a.value) - static_cast<uint64_t>(b.value) >
                            static_cast<uint64_t>(limit.count());
    };
    const bool is_wrong = *time == UnixNanos::max() || *time == UnixNanos::min() ||
                          beyond(*time, read_at, ahead_max_) ||
                          (behind_max_.count() != 0 && beyond(read_at, *time, behind_max_));
    if (is_wrong) {
        ++counts_.clamped;
        const bool is_text = value.kind() == ValueKind::kString;
        fields.add_kept(
            "timestamp_original",
            is_text ? value : Value::string(fields.arena().copy(value.to_text()))
        );
        return;
    }
    if (batch.observed(row).value == 0) {
        edit.set_observed(row, read_at);
    }
    edit.set_ts(row, *time);
}

void RowStamp::apply_level(const Value& value, BatchEditor& edit, size_t row) {
    SeverityNumber severity = last_level_;
    const bool is_text = value.kind() == ValueKind::kString && value.as_text().size() <= 64;
    if (!is_text || value.as_text() != last_level_text_) {
        severity = severity_of(value, scale_);
        if (is_text) {
            last_level_text_.assign(value.as_text());
            last_level_ = severity;
        }
    }
    if (severity == kSeverityUnset) {
        ++counts_.bad_level;
    } else {
        edit.set_severity(row, severity);
    }
}

void RowStamp::apply_trace(const FieldWriter& fields, BatchEditor& edit, size_t row) {
    TraceIds ids = edit.batch().row(row).trace;
    bool is_changed = false;
    if (const Value* trace = fields.role(Role::kTraceId)) {
        TraceIds read;
        const bool ok = parse_hex_id(*trace, read.trace_id);
        ids.trace_id = ok ? read.trace_id : ids.trace_id;
        is_changed = ok;
        counts_.bad_trace += ok ? 0 : 1;
    }
    if (const Value* span = fields.role(Role::kSpanId)) {
        TraceIds read;
        const bool ok = parse_hex_id(*span, read.span_id);
        ids.span_id = ok ? read.span_id : ids.span_id;
        is_changed = is_changed || ok;
        counts_.bad_trace += ok ? 0 : 1;
    }
    if (is_changed) {
        edit.set_trace(row, ids);
    }
}

}  // namespace seyir::plugins::parse

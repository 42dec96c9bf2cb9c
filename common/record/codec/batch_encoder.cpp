// SPDX-License-Identifier: Apache-2.0
// Format: docs/format/batch.md. Sections and columns are written in the order given there.
#include <algorithm>
#include <cstring>
#include <ranges>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/codec/bytes.hpp"
#include "common/record/batch_codec.hpp"
#include "common/record/codec/batch_format.hpp"

namespace seyir {
namespace {

using codec::append_le;
using codec::append_text;
using codec::append_varint;
using codec::put_varint;
using codec::zigzag;
using format::too_large;

constexpr uint16_t kNoStream = 0xffff;

/// Appends to `out` through a raw pointer; the caller knows the most that can come.
template <class Write>
void append_up_to(std::string& out, size_t bytes_max, Write&& write) {
    const size_t before = out.size();
    out.resize_and_overwrite(before + bytes_max, [&](char* data, size_t) {
        return static_cast<size_t>(write(data + before) - data);
    });
}

/// A column as (run length, value) pairs; `value(i)` of the i-th selected row as u64.
template <class ValueOf>
void append_runs(std::string& out, size_t rows, ValueOf&& value) {
    size_t i = 0;
    while (i < rows) {
        const uint64_t v = value(i);
        size_t end = i + 1;
        while (end < rows && value(end) == v) {
            ++end;
        }
        append_varint(out, end - i);
        append_varint(out, v);
        i = end;
    }
}

/// Row numbers of the view without a branch per row on Selection::all.
class RowNumbers {
  public:
    explicit RowNumbers(const BatchView& view)
        : rows_(view.rows.all ? nullptr : view.rows.rows.data()), count_(view.row_count()) {}

    size_t count() const { return count_; }

    uint32_t operator[](size_t i) const {
        return rows_ == nullptr ? static_cast<uint32_t>(i) : rows_[i];
    }

  private:
    const uint32_t* rows_;
    size_t count_;
};

/// Writes a value and counts what it holds.
class ValueWriter {
  public:
    ValueWriter(std::string& out, const BatchLimits& limits, uint64_t& values)
        : out_(out), limits_(limits), values_(values) {}

    Result<void> write(const Value& value, uint32_t depth) {
        if (depth > limits_.depth_max) {
            return too_large("depth_max", limits_.depth_max, depth);
        }
        if (++values_ > limits_.values_max) {
            return too_large("values_max", limits_.values_max, values_);
        }
        out_ += static_cast<char>(value.kind());
        switch (value.kind()) {
            case ValueKind::kNull:
                return {};
            case ValueKind::kBool:
                out_ += value.as_bool() ? '\1' : '\0';
                return {};
            case ValueKind::kInt:
                append_varint(out_, zigzag(value.as_int()));
                return {};
            case ValueKind::kDouble:
                append_le(out_, value.as_double());
                return {};
            case ValueKind::kString:
            case ValueKind::kBytes:
            case ValueKind::kNumberText:
                append_text(out_, value.as_text());
                return {};
            case ValueKind::kArray:
                return write_array(value, depth);
            case ValueKind::kMap:
                return write_map(value, depth);
        }
        return {};
    }

  private:
    Result<void> write_array(const Value& value, uint32_t depth) {
        append_varint(out_, value.items().size());
        for (const Value& item : value.items()) {
            SEYIR_CHECK(write(item, depth + 1));
        }
        return {};
    }

    Result<void> write_map(const Value& value, uint32_t depth) {
        append_varint(out_, value.members().size());
        for (const ValueMember& member : value.members()) {
            append_text(out_, member.name);
            SEYIR_CHECK(write(member.value, depth + 1));
        }
        return {};
    }

    std::string& out_;
    const BatchLimits& limits_;
    uint64_t& values_;
};

}  // namespace

/// What one pass over the selected rows tells before a byte is written.
struct BatchEncoder::Scan {
    uint8_t columns = 0;
    uint16_t streams = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    uint64_t body_bytes = 0;
    size_t rows = 0;
};

Result<BatchEncoder::Scan> BatchEncoder::scan(const BatchView& view) {
    const RecordBatch& batch = *view.batch;
    const BatchLimits& limits = options_.limits;
    const RowNumbers rows(view);
    Scan out{.rows = rows.count()};
    if (rows.count() > limits.rows_max) {
        return too_large("rows_max", limits.rows_max, rows.count());
    }
    stream_number_.assign(batch.streams().size(), kNoStream);
    row_set_.clear();
    row_set_.reserve(rows.count());
    sets_.clear();
    set_at_.assign(batch.attr_count() + 1, {});
    has_parsed_ = false;
    size_t longest = 0;
    for (size_t i = 0; i < rows.count(); ++i) {
        const uint32_t row = rows[i];
        const UnixNanos ts = batch.ts(row);
        out.min_ts = i == 0 ? ts : std::min(out.min_ts, ts);
        out.max_ts = i == 0 ? ts : std::max(out.max_ts, ts);
        out.body_bytes += batch.body(row).size();
        longest = std::max(longest, batch.body(row).size());
        stream_number_[batch.stream(row)] = 0;
        row_set_.push_back(attr_set_of(batch, row));
        out.columns |= batch.origin(row) != kNoOrigin ? format::kHasOrigin : 0;
        out.columns |= batch.severity(row) != kSeverityUnset ? format::kHasSeverity : 0;
        const UnixNanos observed = batch.observed(row);
        out.columns |= observed != UnixNanos{} && observed != ts ? format::kHasObserved : 0;
        out.columns |= batch.trace(row) != TraceIds{} ? format::kHasTrace : 0;
    }
    if (longest > limits.record_bytes_max) {
        return too_large("record_bytes_max", limits.record_bytes_max, longest);
    }
    for (uint16_t& number : stream_number_) {
        number = number == kNoStream ? kNoStream : out.streams++;
    }
    out.columns |= out.streams > 1 ? format::kHasStream : 0;
    out.columns |= sets_.empty() ? 0 : format::kHasAttrs;
    out.columns |= has_parsed_ && options_.keep_parsed ? format::kHasParsed : 0;
    return out;
}

uint32_t BatchEncoder::attr_set_of(const RecordBatch& batch, uint32_t row) {
    const AttrRange range = batch.attr_range(row);
    if (range.count == 0) {
        return 0;
    }
    RangeSet& known = set_at_[range.begin];
    if (known.count != range.count) {
        known = {range.count, new_attr_set(batch, range)};
    }
    return known.set;
}

uint32_t BatchEncoder::new_attr_set(const RecordBatch& batch, AttrRange range) {
    const auto attrs = batch.attrs_in(range);
    const auto parsed = static_cast<uint32_t>(std::ranges::count_if(attrs, &Attr::is_parsed));
    has_parsed_ = has_parsed_ || parsed != 0;
    if (parsed == 0 || options_.keep_parsed) {
        sets_.push_back({range, range.count});
        return static_cast<uint32_t>(sets_.size());
    }
    if (parsed == range.count) {
        return 0;
    }
    // Each parsed row has a range of its own, but what is left of it (`filename`) is mostly the
    // same as in the row before.
    if (!sets_.empty()) {
        const auto is_written = [this](const Attr& attr) { return this->is_written(attr); };
        const auto same = [](const Attr& a, const Attr& b) {
            return a.key == b.key && a.value == b.value;
        };
        auto last = batch.attrs_in(sets_.back().range) | std::views::filter(is_written);
        if (std::ranges::equal(attrs | std::views::filter(is_written), last, same)) {
            return static_cast<uint32_t>(sets_.size());
        }
    }
    sets_.push_back({range, range.count - parsed});
    return static_cast<uint32_t>(sets_.size());
}

void BatchEncoder::write_head(
    const BatchView& view, const Scan& scan, const std::vector<SourcePosition>& positions
) {
    const RecordBatch& batch = *view.batch;
    head_.clear();
    head_.resize(kBatchPrefixBytes);
    append_varint(head_, scan.rows);
    append_varint(head_, zigzag(scan.min_ts.value));
    append_varint(
        head_, static_cast<uint64_t>(scan.max_ts.value) - static_cast<uint64_t>(scan.min_ts.value)
    );
    append_varint(head_, scan.body_bytes);
    append_varint(head_, positions.size());
    for (const SourcePosition& position : positions) {
        append_le(head_, position.key.source.hi);
        append_le(head_, position.key.source.lo);
        append_varint(head_, position.key.generation);
        append_varint(head_, position.begin);
        append_varint(head_, position.end - position.begin);
        append_le(head_, position.tail_hash);
        uint8_t flags = position.lane_start ? format::kPositionLaneStart : 0;
        flags |= position.cursor.empty() ? 0 : format::kPositionCursor;
        head_ += static_cast<char>(flags);
        if (!position.cursor.empty()) {
            append_text(head_, position.cursor);
        }
    }
    append_varint(head_, scan.streams);
    std::string labels;
    for (size_t i = 0; i < batch.streams().size(); ++i) {
        if (stream_number_[i] == kNoStream) {
            continue;
        }
        labels.clear();
        append_varint(labels, batch.streams()[i]->pairs().size());
        for (const auto& [name, value] : batch.streams()[i]->pairs()) {
            append_text(labels, name);
            append_text(labels, value);
        }
        append_text(head_, labels);
    }
}

/// All keys of the batch; only those that are used when attributes are left out.
Result<void> BatchEncoder::write_keys(const RecordBatch& batch) {
    const BatchLimits& limits = options_.limits;
    constexpr uint32_t kUnused = UINT32_MAX;
    const bool is_stripped = has_parsed_ && !options_.keep_parsed;
    key_number_.assign(batch.keys().size(), is_stripped ? kUnused : 0);
    if (is_stripped) {
        for (const AttrSet& set : sets_) {
            for (const Attr& attr : batch.attrs_in(set.range)) {
                key_number_[attr.key] = attr.is_parsed ? key_number_[attr.key] : 0;
            }
        }
    }
    uint32_t count = 0;
    for (uint32_t& number : key_number_) {
        number = number == kUnused ? kUnused : count++;
    }
    if (count > limits.keys_max) {
        return too_large("keys_max", limits.keys_max, count);
    }
    append_varint(rows_, count);
    for (size_t i = 0; i < key_number_.size(); ++i) {
        const Slice key = batch.keys()[i];
        if (key_number_[i] == kUnused) {
            continue;
        }
        if (key.size() > limits.key_bytes_max) {
            return too_large("key_bytes_max", limits.key_bytes_max, key.size());
        }
        append_text(rows_, key);
    }
    return {};
}

Result<void> BatchEncoder::write_attr_sets(const RecordBatch& batch) {
    const BatchLimits& limits = options_.limits;
    SEYIR_CHECK(write_keys(batch));
    append_varint(rows_, sets_.size());
    uint64_t values = 0;
    ValueWriter writer(rows_, limits, values);
    const bool has_flags = has_parsed_ && options_.keep_parsed;
    for (const AttrSet& set : sets_) {
        if (set.written > limits.attrs_per_row_max) {
            return too_large("attrs_per_row_max", limits.attrs_per_row_max, set.written);
        }
        append_varint(rows_, set.written);
        for (const Attr& attr : batch.attrs_in(set.range)) {
            if (!is_written(attr)) {
                continue;
            }
            const uint64_t key = key_number_[attr.key];
            append_varint(rows_, has_flags ? key * 2 + (attr.is_parsed ? 1 : 0) : key);
            SEYIR_CHECK(writer.write(attr.value, 1));
        }
    }
    return {};
}

void BatchEncoder::write_columns(const BatchView& view, const Scan& scan) {
    const RecordBatch& batch = *view.batch;
    const RowNumbers rows(view);
    const size_t count = rows.count();
    if ((scan.columns & format::kHasStream) != 0) {
        append_runs(rows_, count, [&](size_t i) -> uint64_t {
            return stream_number_[batch.stream(rows[i])];
        });
    }
    if ((scan.columns & format::kHasOrigin) != 0) {
        append_runs(rows_, count, [&](size_t i) -> uint64_t {
            return static_cast<uint16_t>(batch.origin(rows[i]) + 1);  // kNoOrigin becomes 0
        });
    }
    if ((scan.columns & format::kHasAttrs) != 0) {
        // Differences, so that both one set for all rows and one set a row are single runs.
        append_runs(rows_, count, [&](size_t i) -> uint64_t {
            const int64_t before = i == 0 ? 0 : row_set_[i - 1];
            return zigzag(static_cast<int64_t>(row_set_[i]) - before);
        });
    }
    if ((scan.columns & format::kHasSeverity) != 0) {
        append_runs(rows_, count, [&](size_t i) -> uint64_t { return batch.severity(rows[i]); });
    }
    if ((scan.columns & format::kHasTrace) != 0) {
        append_runs(rows_, count, [&](size_t i) -> uint64_t {
            return batch.trace(rows[i]) != TraceIds{} ? 1 : 0;
        });
        for (size_t i = 0; i < count; ++i) {
            const TraceIds trace = batch.trace(rows[i]);
            if (trace != TraceIds{}) {
                rows_.append(reinterpret_cast<const char*>(trace.trace_id.data()), 16);
                rows_.append(reinterpret_cast<const char*>(trace.span_id.data()), 8);
            }
        }
    }
    append_up_to(rows_, count * codec::kVarintBytesMax, [&](char* to) {
        auto before = static_cast<uint64_t>(scan.min_ts.value);
        for (size_t i = 0; i < count; ++i) {
            const auto ts = static_cast<uint64_t>(batch.ts(rows[i]).value);
            to = put_varint(to, zigzag(static_cast<int64_t>(ts - before)));
            before = ts;
        }
        return to;
    });
    if ((scan.columns & format::kHasObserved) != 0) {
        append_up_to(rows_, count * codec::kVarintBytesMax, [&](char* to) {
            for (size_t i = 0; i < count; ++i) {
                const auto ts = static_cast<uint64_t>(batch.ts(rows[i]).value);
                const UnixNanos own = batch.observed(rows[i]);
                const auto observed = own == UnixNanos{} ? ts : static_cast<uint64_t>(own.value);
                to = put_varint(to, zigzag(static_cast<int64_t>(observed - ts)));
            }
            return to;
        });
    }
}

Result<void> BatchEncoder::write_rows(const BatchView& view, const Scan& scan) {
    const RecordBatch& batch = *view.batch;
    const RowNumbers rows(view);
    rows_.clear();
    rows_ += static_cast<char>(scan.columns);
    if ((scan.columns & format::kHasAttrs) != 0) {
        SEYIR_CHECK(write_attr_sets(batch));
    }
    write_columns(view, scan);
    append_up_to(rows_, rows.count() * codec::kVarintBytesMax, [&](char* to) {
        for (size_t i = 0; i < rows.count(); ++i) {
            to = put_varint(to, batch.body(rows[i]).size());
        }
        return to;
    });
    const uint64_t bytes = head_.size() + rows_.size() + scan.body_bytes;
    if (bytes > options_.limits.payload_bytes_max) {
        return too_large("payload_bytes_max", options_.limits.payload_bytes_max, bytes);
    }
    append_up_to(rows_, scan.body_bytes, [&](char* to) {
        for (size_t i = 0; i < rows.count(); ++i) {
            const Slice body = batch.body(rows[i]);
            if (!body.empty()) {
                std::memcpy(to, body.data(), body.size());
                to += body.size();
            }
        }
        return to;
    });
    return {};
}

Result<EncodedBatch> BatchEncoder::pack() {
    std::string_view body = rows_;
    PayloadCodec codec = options_.codec;
    if (codec != PayloadCodec::kNone) {
        const bool lz4 = codec == PayloadCodec::kLz4;
        const size_t bound =
            lz4 ? codec::lz4_bound_bytes(rows_.size()) : codec::zstd_bound_bytes(rows_.size());
        if (packed_.size() < bound) {
            packed_.resize(bound);
        }
        SEYIR_TRY(
            const size_t packed_bytes,
            lz4 ? lz4_.compress(rows_, packed_, options_.lz4_acceleration)
                : zstd_.compress(rows_, packed_, options_.zstd_level)
        );
        if (packed_bytes < rows_.size()) {
            body = std::string_view(packed_).substr(0, packed_bytes);
        } else {
            codec = PayloadCodec::kNone;  // random bytes: unpacking would cost and give nothing
        }
    }
    format::write_prefix(head_.data(), codec, head_.size(), rows_.size());
    auto bytes = std::make_shared<std::string>();
    bytes->reserve(head_.size() + body.size());
    bytes->append(head_);
    bytes->append(body);
    const uint64_t hash = XXH3_64bits(bytes->data(), bytes->size());
    return EncodedBatch{
        .bytes = std::move(bytes),
        .codec = codec,
        .raw_bytes = static_cast<uint32_t>(head_.size() + rows_.size()),
        .xxh3 = hash,
    };
}

Result<EncodedBatch> BatchEncoder::encode(const BatchView& view) {
    return encode(view, view.batch->positions());
}

Result<EncodedBatch> BatchEncoder::encode(
    const BatchView& view, const std::vector<SourcePosition>& positions
) {
    const BatchLimits& limits = options_.limits;
    if (positions.size() > limits.positions_max) {
        return too_large("positions_max", limits.positions_max, positions.size());
    }
    for (const SourcePosition& position : positions) {
        if (position.cursor.size() > limits.cursor_bytes_max) {
            return too_large("cursor_bytes_max", limits.cursor_bytes_max, position.cursor.size());
        }
        if (position.end < position.begin) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format(
                    "position ends at {}, before its begin {}", position.end, position.begin
                )
            );
        }
    }
    SEYIR_TRY(const Scan scanned, scan(view));
    if (scanned.streams > limits.streams_max) {
        return too_large("streams_max", limits.streams_max, scanned.streams);
    }
    write_head(view, scanned, positions);
    if (head_.size() > limits.head_bytes_max) {
        return too_large("head_bytes_max", limits.head_bytes_max, head_.size());
    }
    SEYIR_CHECK(write_rows(view, scanned));
    return pack();
}

Result<EncodedBatch> encode_batch(const BatchView& view, PayloadCodec codec) {
    BatchEncoder encoder(EncodeOptions{.codec = codec});
    return encoder.encode(view);
}

}  // namespace seyir

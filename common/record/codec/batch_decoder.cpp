// SPDX-License-Identifier: Apache-2.0
// Format: docs/format/batch.md. Every count is checked against its limit and against the bytes that
// are left before memory is taken for it.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/codec/bytes.hpp"
#include "common/record/batch_codec.hpp"
#include "common/record/codec/batch_format.hpp"

namespace seyir {
namespace {

using codec::get_varint;
using codec::Reader;
using codec::unzigzag;
using format::too_large;

constexpr size_t kKnownStreamsMax = 4096;

Error corrupt(std::string_view section, size_t offset, std::string_view what) {
    return {
        ErrorCode::kCorrupt, fmt::format("batch payload: {} byte {}: {}", section, offset, what)
    };
}

struct Prefix {
    PayloadCodec codec = PayloadCodec::kNone;
    uint32_t head_bytes = 0;
    uint32_t rows_bytes = 0;
};

Result<Prefix> read_prefix(std::string_view payload, const BatchLimits& limits) {
    if (payload.size() < kBatchPrefixBytes || std::memcmp(payload.data(), format::kMagic, 2) != 0) {
        return corrupt("head", 0, "not a batch payload (\"SB\" expected)");
    }
    Reader reader(payload.substr(2));
    const uint8_t version = reader.u8();
    const uint8_t codec = reader.u8();
    Prefix out{.head_bytes = reader.le<uint32_t>(), .rows_bytes = reader.le<uint32_t>()};
    if (version != kBatchFormatVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "batch payload: format version {}; this program reads {}: upgrade it",
                version,
                kBatchFormatVersion
            )
        );
    }
    if (codec > static_cast<uint8_t>(PayloadCodec::kZstd)) {
        return fail(ErrorCode::kUnsupported, fmt::format("batch payload: codec {}", codec));
    }
    out.codec = static_cast<PayloadCodec>(codec);
    if (out.head_bytes > limits.head_bytes_max) {
        return too_large("head_bytes_max", limits.head_bytes_max, out.head_bytes);
    }
    const uint64_t raw_bytes = uint64_t{out.head_bytes} + out.rows_bytes;
    if (raw_bytes > limits.payload_bytes_max) {
        return too_large("payload_bytes_max", limits.payload_bytes_max, raw_bytes);
    }
    if (out.head_bytes < kBatchPrefixBytes || out.head_bytes > payload.size()) {
        return corrupt("head", 4, fmt::format("head of {} bytes", out.head_bytes));
    }
    return out;
}

void read_position(Reader& reader, const BatchLimits& limits, SourcePosition& out) {
    out.key.source.hi = reader.le<uint64_t>();
    out.key.source.lo = reader.le<uint64_t>();
    out.key.generation = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    out.begin = reader.varint();
    out.end = out.begin + reader.varint_up_to(UINT64_MAX - out.begin);
    out.tail_hash = reader.le<uint64_t>();
    const uint8_t flags = reader.u8();
    if ((flags & ~format::kPositionFlagsKnown) != 0) {
        reader.give_up();
    }
    out.lane_start = (flags & format::kPositionLaneStart) != 0;
    if ((flags & format::kPositionCursor) != 0) {
        out.cursor = reader.text(limits.cursor_bytes_max);
    }
}

/// A column of (run length, value) pairs; false when the runs do not fill `rows` exactly.
template <class Put>
bool read_runs(Reader& reader, size_t rows, uint64_t value_max, Put&& put) {
    size_t done = 0;
    while (done < rows) {
        const uint64_t run = reader.varint_up_to(rows - done);
        const uint64_t value = reader.varint_up_to(value_max);
        if (run == 0 || !reader.ok()) {
            reader.give_up();
            return false;
        }
        if (!put(done, run, value)) {
            reader.give_up();
            return false;
        }
        done += run;
    }
    return true;
}

}  // namespace

Result<StreamLabelsPtr> BatchDecoder::labels_from(std::string_view bytes) {
    label_bytes_.assign(bytes);
    if (const auto known = known_streams_.find(label_bytes_); known != known_streams_.end()) {
        return known->second;
    }
    Reader reader(bytes);
    const uint64_t count = reader.varint_up_to(kLabelsMax);
    std::vector<StreamLabels::Pair> pairs;
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
        std::string name(reader.text(kLabelNameBytesMax));
        std::string value(reader.text(kLabelValueBytesMax));
        pairs.emplace_back(std::move(name), std::move(value));
    }
    if (!reader.ok() || reader.left() != 0) {
        return corrupt("stream labels", reader.offset(), "cut, too long or too many");
    }
    auto made = StreamLabels::make(std::move(pairs));
    if (!made) {
        return corrupt("stream labels", 0, made.error().message);
    }
    if ((*made)->pairs().size() != count) {
        return corrupt("stream labels", 0, "a label with an empty value");
    }
    if (known_streams_.size() >= kKnownStreamsMax) {
        known_streams_.clear();
    }
    known_streams_.emplace(label_bytes_, *made);
    return *std::move(made);
}

Result<EncodedHeader> BatchDecoder::read_header(std::string_view payload) {
    SEYIR_TRY(const Prefix prefix, read_prefix(payload, limits_));
    Reader reader(payload.substr(0, prefix.head_bytes));
    reader.bytes(kBatchPrefixBytes);
    EncodedHeader out;
    out.codec = prefix.codec;
    out.payload_raw_bytes = prefix.head_bytes + prefix.rows_bytes;
    out.rows_offset = prefix.head_bytes;
    const uint64_t rows = reader.varint();
    if (rows > limits_.rows_max) {
        return too_large("rows_max", limits_.rows_max, rows);
    }
    out.rows = static_cast<uint32_t>(rows);
    out.min_ts.value = unzigzag(reader.varint());
    const uint64_t span_max =
        static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(out.min_ts.value);
    const uint64_t span_ns = reader.varint_up_to(span_max);
    out.max_ts.value = static_cast<int64_t>(static_cast<uint64_t>(out.min_ts.value) + span_ns);
    out.raw_bytes = reader.varint_up_to(prefix.rows_bytes) + rows;
    const uint64_t positions = reader.varint();
    if (positions > limits_.positions_max) {
        return too_large("positions_max", limits_.positions_max, positions);
    }
    for (uint64_t i = 0; i < positions && reader.ok(); ++i) {
        read_position(reader, limits_, out.positions.emplace_back());
    }
    const uint64_t streams = reader.varint();
    if (streams > limits_.streams_max) {
        return too_large("streams_max", limits_.streams_max, streams);
    }
    for (uint64_t i = 0; i < streams && reader.ok(); ++i) {
        const std::string_view bytes = reader.text(limits_.head_bytes_max);
        if (reader.ok()) {
            SEYIR_TRY(StreamLabelsPtr labels, labels_from(bytes));
            out.streams.push_back(std::move(labels));
        }
    }
    // Bytes after the stream table belong to later minor versions.
    if (!reader.ok()) {
        return corrupt("head", reader.offset(), "cut or out of range");
    }
    if (out.rows > 0 && out.streams.empty()) {
        return corrupt("head", reader.offset(), "rows without a stream");
    }
    return out;
}

/// One pass over the unpacked rows section, filling the batch's columns in place: at millions of
/// rows a second a call a row would cost as much as unpacking them.
class BatchDecoder::Rows {
  public:
    Rows(
        std::string_view bytes,
        const EncodedHeader& header,
        const BatchLimits& limits,
        RecordBatch& batch
    )
        : reader_(bytes), header_(header), limits_(limits), batch_(batch) {}

    Result<void> read() {
        columns_ = reader_.u8();
        if ((columns_ & ~format::kColumnsKnown) != 0) {
            return fail(
                ErrorCode::kUnsupported,
                fmt::format("batch payload: columns {:#x} unknown: upgrade this program", columns_)
            );
        }
        if (header_.rows > reader_.left()) {
            return error("more rows than bytes");
        }
        if (has(format::kHasAttrs)) {
            SEYIR_CHECK(read_attr_sets());
        }
        SEYIR_CHECK(read_run_columns());
        SEYIR_CHECK(read_times());
        return read_bodies();
    }

    bool has(uint8_t column) const { return (columns_ & column) != 0; }

  private:
    Error error(std::string_view what) const { return corrupt("rows", reader_.offset(), what); }

    Result<void> read_attr_sets();
    Result<void> read_keys();
    bool read_value(Value& out, uint32_t depth);
    bool read_items(Value& out, uint32_t depth);
    bool read_members(Value& out, uint32_t depth);
    Result<void> read_run_columns();
    Result<void> read_traces();
    Result<void> read_times();
    Result<void> read_bodies();

    Reader reader_;
    const EncodedHeader& header_;
    const BatchLimits& limits_;
    RecordBatch& batch_;
    uint8_t columns_ = 0;
    uint64_t values_ = 0;
    std::vector<AttrRange> sets_;
};

Result<void> BatchDecoder::Rows::read_keys() {
    const uint64_t keys = reader_.varint();
    if (keys > limits_.keys_max) {
        return too_large("keys_max", limits_.keys_max, keys);
    }
    for (uint64_t i = 0; i < keys && reader_.ok(); ++i) {
        batch_.keys_.push_back(reader_.text(limits_.key_bytes_max));
    }
    std::vector<Slice> sorted = batch_.keys_;
    std::ranges::sort(sorted);
    if (!reader_.ok() || std::ranges::adjacent_find(sorted) != sorted.end()) {
        return error("key table cut, or a key twice");
    }
    return {};
}

Result<void> BatchDecoder::Rows::read_attr_sets() {
    SEYIR_CHECK(read_keys());
    const uint64_t sets = reader_.varint_up_to(header_.rows);
    sets_.reserve(sets);
    for (uint64_t set = 0; set < sets && reader_.ok(); ++set) {
        const uint64_t count = reader_.varint();
        if (count > limits_.attrs_per_row_max) {
            return too_large("attrs_per_row_max", limits_.attrs_per_row_max, count);
        }
        sets_.push_back({static_cast<uint32_t>(batch_.attrs_.size()), static_cast<uint32_t>(count)}
        );
        for (uint64_t i = 0; i < count && reader_.ok(); ++i) {
            uint64_t key = reader_.varint();
            const bool is_parsed = has(format::kHasParsed) && (key & 1) != 0;
            key >>= has(format::kHasParsed) ? 1 : 0;
            Value value;
            if (key >= batch_.keys_.size() || ++values_ > limits_.values_max ||
                !read_value(value, 1)) {
                return error("attribute cut, of unknown key, kind or depth, or too many values");
            }
            batch_.attrs_.push_back({static_cast<KeyIndex>(key), value, is_parsed});
        }
    }
    if (!reader_.ok()) {
        return error("attribute sets cut");
    }
    return {};
}

bool BatchDecoder::Rows::read_value(Value& out, uint32_t depth) {
    if (depth > limits_.depth_max) {
        return false;
    }
    const uint8_t kind = reader_.u8();
    const size_t text_max = reader_.left();
    switch (static_cast<ValueKind>(kind)) {
        case ValueKind::kNull:
            out = Value::null();
            break;
        case ValueKind::kBool:
            out = Value::boolean(reader_.varint_up_to(1) != 0);
            break;
        case ValueKind::kInt:
            out = Value::integer(unzigzag(reader_.varint()));
            break;
        case ValueKind::kDouble:
            out = Value::real(reader_.le<double>());
            break;
        case ValueKind::kString:
            out = Value::string(reader_.text(text_max));
            break;
        case ValueKind::kBytes:
            out = Value::bytes(reader_.text(text_max));
            break;
        case ValueKind::kNumberText:
            out = Value::number_text(reader_.text(text_max));
            break;
        case ValueKind::kArray:
            return read_items(out, depth);
        case ValueKind::kMap:
            return read_members(out, depth);
        default:
            return false;
    }
    return reader_.ok();
}

bool BatchDecoder::Rows::read_items(Value& out, uint32_t depth) {
    const uint64_t left = std::min<uint64_t>(reader_.left(), limits_.values_max - values_);
    const uint64_t count = reader_.varint_up_to(left);
    if (!reader_.ok()) {
        return false;
    }
    values_ += count;  // before the memory is taken: nested counts cannot add up beyond the limit
    Value* items = batch_.arena_.allocate_array<Value>(count);
    for (uint64_t i = 0; i < count; ++i) {
        if (!read_value(*new (items + i) Value, depth + 1)) {
            return false;
        }
    }
    out = Value::array({items, count});
    return true;
}

bool BatchDecoder::Rows::read_members(Value& out, uint32_t depth) {
    const uint64_t left = std::min<uint64_t>(reader_.left() / 2, limits_.values_max - values_);
    const uint64_t count = reader_.varint_up_to(left);
    if (!reader_.ok()) {
        return false;
    }
    values_ += count;
    auto* members = batch_.arena_.allocate_array<ValueMember>(count);
    for (uint64_t i = 0; i < count; ++i) {
        ValueMember& member = *new (members + i) ValueMember;
        member.name = reader_.text(reader_.left());
        if (!read_value(member.value, depth + 1)) {
            return false;
        }
    }
    out = Value::map({members, count});
    return true;
}

Result<void> BatchDecoder::Rows::read_run_columns() {
    const size_t rows = header_.rows;
    batch_.stream_.resize(rows);
    bool good = !has(format::kHasStream) ||
                read_runs(
                    reader_,
                    rows,
                    header_.streams.size() - 1,
                    [&](size_t at, size_t run, uint64_t v) {
                        std::fill_n(batch_.stream_.begin() + static_cast<ptrdiff_t>(at), run, v);
                        return true;
                    }
                );
    if (has(format::kHasOrigin) && good) {
        batch_.origin_.resize(rows);
        good = read_runs(
            reader_,
            rows,
            header_.positions.size(),
            [&](size_t at, size_t run, uint64_t v) {
                const auto origin = static_cast<uint16_t>(v - 1);  // 0 becomes kNoOrigin
                std::fill_n(batch_.origin_.begin() + static_cast<ptrdiff_t>(at), run, origin);
                return true;
            }
        );
    }
    batch_.attr_ranges_.resize(rows);
    if (has(format::kHasAttrs) && good) {
        int64_t set = 0;
        good = read_runs(reader_, rows, UINT64_MAX, [&](size_t at, size_t run, uint64_t v) {
            const int64_t step = unzigzag(v);
            const auto count = static_cast<int64_t>(sets_.size());
            if (step < -count || step > count) {
                return false;
            }
            for (size_t i = 0; i < run; ++i) {
                set += step;
                if (set < 0 || set > count) {
                    return false;
                }
                batch_.attr_ranges_[at + i] =
                    set == 0 ? AttrRange{} : sets_[static_cast<size_t>(set - 1)];
            }
            return true;
        });
    }
    if (has(format::kHasSeverity) && good) {
        batch_.severity_.resize(rows);
        good = read_runs(reader_, rows, UINT8_MAX, [&](size_t at, size_t run, uint64_t v) {
            std::fill_n(
                batch_.severity_.begin() + static_cast<ptrdiff_t>(at),
                run,
                static_cast<SeverityNumber>(v)
            );
            return true;
        });
    }
    if (!good) {
        return error("column of runs cut or out of range");
    }
    return has(format::kHasTrace) ? read_traces() : Result<void>{};
}

Result<void> BatchDecoder::Rows::read_traces() {
    batch_.trace_.resize(header_.rows);
    std::vector<std::pair<size_t, size_t>> present;
    read_runs(reader_, header_.rows, 1, [&](size_t at, size_t run, uint64_t v) {
        if (v == 1) {
            present.emplace_back(at, run);
        }
        return true;
    });
    for (const auto& [at, run] : present) {
        const std::string_view ids = reader_.bytes(run * 24);
        for (size_t i = 0; i < run && reader_.ok(); ++i) {
            TraceIds& trace = batch_.trace_[at + i];
            std::memcpy(trace.trace_id.data(), ids.data() + i * 24, 16);
            std::memcpy(trace.span_id.data(), ids.data() + i * 24 + 16, 8);
        }
    }
    if (!reader_.ok()) {
        return error("trace ids cut");
    }
    return {};
}

Result<void> BatchDecoder::Rows::read_times() {
    const size_t rows = header_.rows;
    const char* at = reader_.at();
    const char* end = reader_.end();
    batch_.ts_.resize(rows);
    auto ts = static_cast<uint64_t>(header_.min_ts.value);
    UnixNanos min_ts = UnixNanos::max();
    UnixNanos max_ts = UnixNanos::min();
    uint64_t v = 0;
    for (UnixNanos& out : batch_.ts_) {
        if (!get_varint(at, end, v)) {
            return error("times cut");
        }
        ts += static_cast<uint64_t>(unzigzag(v));
        out.value = static_cast<int64_t>(ts);
        min_ts = std::min(min_ts, out);
        max_ts = std::max(max_ts, out);
    }
    if (rows > 0 && (min_ts != header_.min_ts || max_ts != header_.max_ts)) {
        return error("times outside those of the head");
    }
    batch_.min_ts_ = min_ts;
    batch_.max_ts_ = max_ts;
    if (has(format::kHasObserved)) {
        batch_.observed_.resize(rows);
        for (size_t i = 0; i < rows; ++i) {
            if (!get_varint(at, end, v)) {
                return error("observed times cut");
            }
            const uint64_t observed =
                static_cast<uint64_t>(batch_.ts_[i].value) + static_cast<uint64_t>(unzigzag(v));
            batch_.observed_[i].value = v == 0 ? 0 : static_cast<int64_t>(observed);
        }
    }
    reader_.advance_to(at);
    return {};
}

Result<void> BatchDecoder::Rows::read_bodies() {
    const size_t rows = header_.rows;
    const char* at = reader_.at();
    const char* end = reader_.end();
    const uint64_t body_bytes = header_.raw_bytes - rows;
    if (body_bytes > reader_.left()) {
        return error("bodies cut");
    }
    const char* body = end - body_bytes;
    end = body;
    batch_.body_.resize(rows);
    uint64_t left = body_bytes;
    uint64_t size = 0;
    for (Slice& out : batch_.body_) {
        if (!get_varint(at, end, size) || size > left) {
            return error("body lengths cut or beyond the bodies");
        }
        if (size > limits_.record_bytes_max) {
            return too_large("record_bytes_max", limits_.record_bytes_max, size);
        }
        out = Slice(body, size);
        body += size;
        left -= size;
    }
    if (at != end || left != 0) {
        return error("bytes left over");
    }
    batch_.raw_bytes_ = header_.raw_bytes;
    return {};
}

Result<std::string_view> BatchDecoder::unpack(
    const EncodedHeader& header, const EncodedBatch& encoded, RecordBatch& batch
) {
    const std::string_view packed = std::string_view(*encoded.bytes).substr(header.rows_offset);
    const size_t rows_bytes = header.payload_raw_bytes - header.rows_offset;
    if (header.codec == PayloadCodec::kNone) {
        if (packed.size() != rows_bytes) {
            return corrupt(
                "head", 8, fmt::format("{} bytes of rows, {} stated", packed.size(), rows_bytes)
            );
        }
        batch.arena_.adopt(encoded.bytes, encoded.bytes->size());
        return packed;
    }
    const std::span<char> into(batch.arena_.allocate(rows_bytes), rows_bytes);
    auto done = header.codec == PayloadCodec::kLz4 ? codec::lz4_decompress(packed, into)
                                                   : zstd_.decompress(packed, into);
    if (!done) {
        return std::move(done).error().context("batch payload");
    }
    return std::string_view(into.data(), into.size());
}

Result<std::shared_ptr<RecordBatch>> BatchDecoder::decode(
    const EncodedBatch& encoded, TenantId tenant
) {
    const std::string& payload = *encoded.bytes;
    if (XXH3_64bits(payload.data(), payload.size()) != encoded.xxh3) {
        return corrupt("head", 0, fmt::format("XXH3 of {} bytes does not match", payload.size()));
    }
    SEYIR_TRY(EncodedHeader header, read_header(payload));
    if (header.codec != encoded.codec || header.payload_raw_bytes != encoded.raw_bytes) {
        return corrupt("head", 3, "codec or size differ from those stated outside");
    }
    auto batch = std::make_shared<RecordBatch>(tenant);
    SEYIR_TRY(const std::string_view rows, unpack(header, encoded, *batch));
    Rows reading(rows, header, limits_, *batch);
    SEYIR_CHECK(reading.read());
    std::vector<StreamFingerprint> prints;
    for (const StreamLabelsPtr& labels : header.streams) {
        prints.push_back(labels->fingerprint());
    }
    std::ranges::sort(prints);
    if (std::ranges::adjacent_find(prints) != prints.end()) {
        return corrupt("head", kBatchPrefixBytes, "a stream twice");
    }
    batch->streams_ = std::move(header.streams);
    batch->positions_ = std::move(header.positions);
    if (!reading.has(format::kHasParsed)) {
        batch->set_encoded(encoded);
    }
    return batch;
}

Result<std::shared_ptr<RecordBatch>> decode_batch(const EncodedBatch& encoded, TenantId tenant) {
    BatchDecoder decoder;
    return decoder.decode(encoded, tenant);
}

Result<EncodedHeader> peek_batch_header(std::string_view payload) {
    BatchDecoder decoder;
    return decoder.read_header(payload);
}

Result<EncodedBatch> encoded_from_bytes(std::shared_ptr<const std::string> bytes) {
    SEYIR_TRY(const Prefix prefix, read_prefix(*bytes, BatchLimits{}));
    const uint64_t hash = XXH3_64bits(bytes->data(), bytes->size());
    return EncodedBatch{
        std::move(bytes), prefix.codec, prefix.head_bytes + prefix.rows_bytes, hash
    };
}

}  // namespace seyir

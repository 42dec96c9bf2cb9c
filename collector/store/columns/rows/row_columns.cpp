// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/rows/row_columns.hpp"

#include <algorithm>
#include <limits>

#include "collector/store/columns/rows/attr_value.hpp"
#include "collector/store/format/rows.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kTraceBytes = 24;
constexpr size_t kStreamsMax = 65'536;
constexpr size_t kAttrColumnsMax = 65'536;
constexpr size_t kAttrsMax = 4096;  // of one set
constexpr size_t kPlansMax = 4096;
constexpr size_t kLabelBytesMax = 128 * 1024;
constexpr size_t kAttrBytesMax = 4 * 1024 * 1024;  // of one value

constexpr uint8_t kHasAttrs = 1;
constexpr uint8_t kHasObserved = 2;
constexpr uint8_t kHasTrace = 4;

int64_t minus(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

/// Attribute sets of a block, each once, and the columns of their values.
struct RowEncoder::Sets {
    struct Column {
        std::string name;  ///< kind and key
        std::vector<std::string> values;
    };

    std::vector<Column> columns;
    std::unordered_map<std::string, uint32_t> column_numbers;
    std::unordered_map<std::string, uint32_t> shape_numbers;  // by column numbers
    std::vector<std::string> shapes;
    std::unordered_map<std::string, uint32_t> set_numbers;  // by all that is in it
    std::vector<int64_t> set_shapes;
    std::unordered_map<uint64_t, uint32_t> by_range;
};

std::string RowEncoder::times(const RecordBatch& batch) {
    std::vector<int64_t> values;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        values.push_back(batch.ts(i).value);
    }
    std::string out;
    append_ints(out, values, {}, std::nullopt, values_.packer);
    return out;
}

std::string RowEncoder::levels(const RecordBatch& batch) {
    std::vector<int64_t> values;
    bool has_any = false;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        values.push_back(batch.severity(i));
        has_any = has_any || batch.severity(i) != kSeverityUnset;
    }
    std::string out;
    if (has_any) {
        append_ints(out, values, {}, std::nullopt, values_.packer);
    }
    return out;
}

/// Number of the range's set, from 1; 0 when nothing of it is kept.
uint32_t RowEncoder::set_of(const RecordBatch& batch, AttrRange range, Sets& sets) {
    if (range.count == 0) {
        return 0;
    }
    const auto [cached, is_unseen] =
        sets.by_range.try_emplace(uint64_t{range.begin} << 32 | range.count, 0);
    if (!is_unseen) {
        return cached->second;
    }
    std::string shape;
    std::string all;
    std::vector<std::pair<uint32_t, std::string>> values;
    for (const Attr& attr : batch.attrs_in(range)) {
        if (attr.is_parsed) {
            continue;
        }
        std::string name(1, static_cast<char>(attr.value.kind()));
        name += batch.keys()[attr.key];
        const auto [column, is_new] = sets.column_numbers.try_emplace(name, sets.columns.size());
        if (is_new) {
            sets.columns.push_back({name, {}});
        }
        std::string text;
        append_value(text, attr.value);
        codec::append_varint(shape, column->second);
        codec::append_varint(all, column->second);
        codec::append_text(all, text);
        values.emplace_back(column->second, std::move(text));
    }
    if (values.empty()) {
        return 0;
    }
    const auto [set, is_new_set] = sets.set_numbers.try_emplace(all, sets.set_shapes.size() + 1);
    if (is_new_set) {
        const auto [known, is_new_shape] =
            sets.shape_numbers.try_emplace(shape, sets.shapes.size());
        if (is_new_shape) {
            sets.shapes.push_back(shape);
        }
        sets.set_shapes.push_back(known->second);
        for (auto& [column, text] : values) {
            sets.columns[column].values.push_back(std::move(text));
        }
    }
    cached->second = set->second;
    return set->second;
}

void RowEncoder::attributes(const RecordBatch& batch, std::string& out) {
    Sets sets;
    std::vector<int64_t> row_sets;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        row_sets.push_back(set_of(batch, batch.attr_range(i), sets));
    }
    codec::append_varint(out, sets.columns.size());
    for (const Sets::Column& column : sets.columns) {
        codec::append_text(out, column.name);
    }
    codec::append_varint(out, sets.shapes.size());
    for (const std::string& shape : sets.shapes) {
        codec::append_text(out, shape);
    }
    codec::append_varint(out, sets.set_shapes.size());
    append_ints(out, sets.set_shapes, {}, std::nullopt, values_.packer);
    if (plans_.size() > kPlansMax) {
        plans_.clear();
    }
    for (const Sets::Column& column : sets.columns) {
        if (column.values.empty()) {
            continue;
        }
        const std::vector<std::string_view> views(column.values.begin(), column.values.end());
        values_.encode(views, {}, plans_[column.name], out);
    }
    append_ints(out, row_sets, {}, std::nullopt, values_.packer);
}

std::string RowEncoder::rows(const RecordBatch& batch) {
    uint8_t has = 0;
    std::vector<int64_t> streams;
    std::vector<int64_t> observed;
    std::vector<int64_t> has_trace;
    std::string traces;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        streams.push_back(batch.stream(i));
        const UnixNanos seen = batch.observed(i);
        const int64_t later = seen.value == 0 ? 0 : minus(seen.value, batch.ts(i).value);
        observed.push_back(later);
        const TraceIds trace = batch.trace(i);
        has_trace.push_back(trace != TraceIds{} ? 1 : 0);
        if (trace != TraceIds{}) {
            traces.append(reinterpret_cast<const char*>(trace.trace_id.data()), 16);
            traces.append(reinterpret_cast<const char*>(trace.span_id.data()), 8);
        }
        has |= batch.attrs(i).empty() ? 0 : kHasAttrs;
        has |= later == 0 ? 0 : kHasObserved;
        has |= trace == TraceIds{} ? 0 : kHasTrace;
    }
    std::string out(1, static_cast<char>(has));
    codec::append_varint(out, batch.streams().size());
    std::string labels;
    for (const StreamLabelsPtr& stream : batch.streams()) {
        codec::append_text(labels, encode_labels(*stream));
    }
    values_.packer.append_sized(out, labels);
    append_ints(out, streams, {}, std::nullopt, values_.packer);
    if ((has & kHasObserved) != 0) {
        append_ints(out, observed, {}, std::nullopt, values_.packer);
    }
    if ((has & kHasTrace) != 0) {
        append_ints(out, has_trace, {}, std::nullopt, values_.packer);
        append_planes(out, traces, kTraceBytes, values_.packer);
    }
    if ((has & kHasAttrs) != 0) {
        attributes(batch, out);
    }
    return out;
}

namespace {

class RowReader {
  public:
    RowReader(codec::Reader& reader, size_t rows, const DecodeContext& context)
        : reader_(reader), rows_(rows), context_(context) {}

    bool run(DecodedRows& out) {
        const uint8_t has = reader_.u8();
        if (has > (kHasAttrs | kHasObserved | kHasTrace) || !read_streams(out)) {
            return false;
        }
        out.row_stream = ints(rows_);
        if (!are_below(out.row_stream, out.streams.size())) {
            return false;
        }
        if ((has & kHasObserved) != 0) {
            out.observed = ints(rows_);
        }
        if ((has & kHasTrace) != 0 && !read_traces(out)) {
            return false;
        }
        out.row_set.assign(rows_, 0);
        if ((has & kHasAttrs) != 0 && !read_attributes(out)) {
            return false;
        }
        return reader_.ok() && reader_.left() == 0;
    }

  private:
    std::vector<int64_t> ints(size_t count) {
        std::vector<int64_t> numbers;
        if (!context_.budget->take_values(count)) {
            reader_.give_up();
            return numbers;
        }
        read_ints(reader_, count, {}, *context_.unpacker, numbers);
        numbers.resize(count);
        return numbers;
    }

    static bool are_below(const std::vector<int64_t>& numbers, size_t end) {
        return std::ranges::all_of(numbers, [end](int64_t n) {
            return n >= 0 && static_cast<size_t>(n) < end;
        });
    }

    std::string_view packed(std::string& keep) {
        const std::string_view bytes =
            context_.unpacker->read_sized(reader_, context_.budget->text_bytes, keep);
        if (!context_.budget->take_text(bytes.size())) {
            reader_.give_up();
        }
        return bytes;
    }

    bool read_streams(DecodedRows& out) {
        const uint64_t count = reader_.varint_up_to(kStreamsMax);
        std::string keep;
        codec::Reader from(packed(keep));
        for (uint64_t i = 0; i < count && from.ok(); ++i) {
            auto labels = decode_labels(from.text(kLabelBytesMax));
            if (!labels) {
                return false;
            }
            out.streams.push_back(std::move(*labels));
        }
        return reader_.ok() && from.ok() && from.left() == 0;
    }

    bool read_traces(DecodedRows& out) {
        out.row_trace = ints(rows_);
        if (!reader_.ok() || !are_below(out.row_trace, 2)) {
            return false;
        }
        int64_t count = 0;
        for (int64_t& has : out.row_trace) {
            count += has;
            has = has == 0 ? 0 : count;
        }
        const auto traces = static_cast<size_t>(count);
        if (!context_.budget->take_text(traces * kTraceBytes)) {
            return false;
        }
        out.traces = read_planes(reader_, traces, kTraceBytes, *context_.unpacker);
        return reader_.ok();
    }

    bool read_attributes(DecodedRows& out) {
        const uint64_t columns = reader_.varint_up_to(std::min(kAttrColumnsMax, reader_.left()));
        for (uint64_t i = 0; i < columns && reader_.ok(); ++i) {
            const std::string_view name = reader_.text(reader_.left());
            if (name.empty()) {
                return false;
            }
            out.columns.push_back(
                {std::string(name.substr(1)), static_cast<ValueKind>(name[0]), nullptr}
            );
        }
        const uint64_t shapes = reader_.varint_up_to(reader_.left());
        for (uint64_t i = 0; i < shapes && reader_.ok(); ++i) {
            codec::Reader numbers(reader_.text(reader_.left()));
            auto& shape = out.shapes.emplace_back();
            while (numbers.left() > 0 && shape.columns.size() < kAttrsMax) {
                const uint64_t number = numbers.varint();
                if (!numbers.ok() || number >= out.columns.size()) {
                    return false;
                }
                shape.columns.push_back(static_cast<uint32_t>(number));
            }
            if (numbers.left() > 0) {
                return false;
            }
        }
        const uint64_t sets = reader_.varint_up_to(rows_);
        out.set_shape = ints(sets);
        if (!reader_.ok() || !are_below(out.set_shape, out.shapes.size()) || !place(out)) {
            return false;
        }
        for (size_t i = 0; i < out.columns.size() && reader_.ok(); ++i) {
            if (counts_[i] > 0) {
                out.columns[i].values = read_column(reader_, counts_[i], context_);
            }
        }
        out.row_set = ints(rows_);
        return reader_.ok() && are_below(out.row_set, sets + 1);
    }

    bool place(DecodedRows& out) {
        counts_.assign(out.columns.size(), 0);
        for (const int64_t number : out.set_shape) {
            const auto& shape = out.shapes[static_cast<size_t>(number)];
            if (!context_.budget->take_values(shape.columns.size() + 1)) {
                return false;
            }
            out.set_first.push_back(static_cast<uint32_t>(out.places.size()));
            for (const uint32_t column : shape.columns) {
                out.places.push_back(counts_[column]++);
            }
        }
        return true;
    }

    codec::Reader& reader_;
    size_t rows_;
    const DecodeContext& context_;
    std::vector<uint32_t> counts_;
};

std::vector<int64_t> decode_ints(
    std::string_view bytes, size_t rows, const DecodeContext& context
) {
    std::vector<int64_t> numbers;
    codec::Reader reader(bytes);
    if (context.budget->take_values(rows)) {
        read_ints(reader, rows, {}, *context.unpacker, numbers);
    }
    if (!reader.ok() || reader.left() != 0 || numbers.size() != rows) {
        numbers.clear();
    }
    return numbers;
}

}  // namespace

std::vector<int64_t> decode_times(
    std::string_view bytes, size_t rows, const DecodeContext& context
) {
    return decode_ints(bytes, rows, context);
}

std::vector<int64_t> decode_levels(
    std::string_view bytes, size_t rows, const DecodeContext& context
) {
    auto levels = decode_ints(bytes, rows, context);
    const bool is_good = std::ranges::all_of(levels, [](int64_t level) {
        return level >= 0 && level <= std::numeric_limits<SeverityNumber>::max();
    });
    return is_good ? levels : std::vector<int64_t>();
}

Result<DecodedRows> decode_rows(std::string_view bytes, size_t rows, const DecodeContext& context) {
    codec::Reader reader(bytes);
    DecodedRows out;
    if (!RowReader(reader, rows, context).run(out)) {
        return fail(ErrorCode::kCorrupt, "the block's row column is malformed");
    }
    return out;
}

bool append_attrs(
    const DecodedRows& rows, size_t set, RecordBatch& batch, std::vector<Attr>& attrs
) {
    const auto& shape = rows.shapes[static_cast<size_t>(rows.set_shape[set])];
    std::string text;
    for (size_t i = 0; i < shape.columns.size(); ++i) {
        const DecodedRows::AttrColumn& column = rows.columns[shape.columns[i]];
        text.clear();
        RenderLimit limit{.bytes_max = kAttrBytesMax};
        if (column.values == nullptr ||
            !column.values->append(text, rows.places[rows.set_first[set] + i], limit)) {
            return false;
        }
        const auto value = parse_value(column.kind, batch.arena().copy(text), batch.arena());
        if (!value) {
            return false;
        }
        attrs.emplace_back(batch.add_key(column.key), *value);
    }
    return true;
}

}  // namespace seyir::store::columns

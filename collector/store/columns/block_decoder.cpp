// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/block_decoder.hpp"

#include <algorithm>
#include <numeric>

#include "collector/store/columns/decode/json_labels.hpp"
#include "collector/store/columns/decode/line_tests.hpp"
#include "collector/store/columns/decode/line_writer.hpp"

namespace seyir::store::columns {
namespace {

template <class Fn>
void for_each_chosen(std::optional<std::span<const uint32_t>> chosen, uint32_t rows, Fn&& fn) {
    if (chosen) {
        for (const uint32_t row : *chosen) {
            fn(row);
        }
        return;
    }
    for (uint32_t row = 0; row < rows; ++row) {
        fn(row);
    }
}

}  // namespace

BlockDecoder::BlockDecoder(BlockShape shape, LoadColumn load)
    : shape_(shape), load_(std::move(load)), lines_(load_, context(), shape.rows, *this) {}

DecodeContext BlockDecoder::context() const {
    DecodeContext context;
    context.budget = &budget_;
    context.unpacker = &unpacker_;
    return context;
}

Result<std::string> BlockDecoder::load(uint16_t number, bool may_lack) const {
    auto bytes = load_(number);
    if (!bytes && may_lack && bytes.error().code == ErrorCode::kNotFound) {
        return std::string();
    }
    return bytes;
}

Result<void> BlockDecoder::open() {
    SEYIR_TRY(const std::string parts, load(kRowParts));
    SEYIR_TRY(parts_, decode_rows(parts, shape_.rows, context()));
    return {};
}

Result<std::span<const int64_t>> BlockDecoder::times() const {
    if (times_.size() != shape_.rows) {
        SEYIR_TRY(const std::string bytes, load(kTimes));
        times_ = decode_times(bytes, shape_.rows, context());
        if (times_.size() != shape_.rows) {
            return malformed("the time column");
        }
    }
    return std::span<const int64_t>(times_);
}

/// For columns of times, which are written as differences to the rows' own.
std::vector<int64_t> BlockDecoder::times(DecodeBudget& budget) const {
    const auto own = times();
    return own && budget.take_values(own->size()) ? std::vector<int64_t>(own->begin(), own->end())
                                                  : std::vector<int64_t>();
}

Result<std::vector<int64_t>> BlockDecoder::levels() {
    SEYIR_TRY(const std::string bytes, load(kLevels, true));
    if (bytes.empty()) {
        return std::vector<int64_t>();
    }
    auto levels = decode_levels(bytes, shape_.rows, context());
    if (levels.size() != shape_.rows) {
        return malformed("the level column");
    }
    return levels;
}

/// `has_line`: by chosen row; empty: all have.
Result<void> BlockDecoder::append_rows(
    std::optional<std::span<const uint32_t>> chosen,
    std::span<const uint8_t> has_line,
    RecordBatch& batch
) {
    SEYIR_TRY(const std::vector<int64_t> severities, levels());
    SEYIR_TRY(const std::span<const int64_t> times, this->times());
    const size_t count = chosen ? chosen->size() : shape_.rows;
    const auto lines =
        has_line.empty() ? count : static_cast<size_t>(std::ranges::count(has_line, 1));
    LineWriter text(lines_, shape_.raw_bytes, lines);
    std::vector<size_t> ends;
    ends.reserve(count);
    bool is_good = true;
    for_each_chosen(chosen, shape_.rows, [&](uint32_t row) {
        const bool is_left_out = !has_line.empty() && has_line[ends.size()] == 0;
        is_good = is_good && (is_left_out || text.add(row));
        ends.push_back(text.size());
    });
    if (!is_good) {
        return malformed("a line");
    }
    if (text.capacity() != 0) {
        batch.arena().adopt(text.bytes(), text.capacity());
    }
    std::vector<AttrRange> ranges(parts_.set_shape.size() + 1);
    std::vector<bool> has_range(ranges.size(), false);
    std::vector<Attr> attrs;
    size_t n = 0;
    for_each_chosen(chosen, shape_.rows, [&](uint32_t i) {
        Row row;
        row.ts = {times[i]};
        row.stream = static_cast<uint16_t>(parts_.row_stream[i]);
        const size_t begin = n == 0 ? 0 : ends[n - 1];
        row.body = std::string_view(text.bytes().get() + begin, ends[n] - begin);
        ++n;
        row.severity =
            severities.empty() ? kSeverityUnset : static_cast<SeverityNumber>(severities[i]);
        if (!parts_.observed.empty() && parts_.observed[i] != 0) {
            row.observed = {static_cast<int64_t>(
                static_cast<uint64_t>(times[i]) + static_cast<uint64_t>(parts_.observed[i])
            )};
        }
        if (const auto set = static_cast<size_t>(parts_.row_set[i]); set > 0) {
            if (!has_range[set]) {
                attrs.clear();
                is_good = is_good && append_attrs(parts_, set - 1, batch, attrs);
                ranges[set] = attrs.empty() ? AttrRange{} : batch.add_attrs(attrs);
                has_range[set] = true;
            }
            row.attrs = ranges[set];
        }
        if (!parts_.row_trace.empty() && parts_.row_trace[i] > 0) {
            const char* from = parts_.traces.data() + (parts_.row_trace[i] - 1) * 24;
            std::copy_n(from, 16, reinterpret_cast<char*>(row.trace.trace_id.data()));
            std::copy_n(from + 16, 8, reinterpret_cast<char*>(row.trace.span_id.data()));
        }
        batch.append_row(row);
    });
    return is_good ? Result<void>() : malformed("an attribute");
}

Result<std::shared_ptr<RecordBatch>> BlockDecoder::rows(
    std::optional<std::span<const uint32_t>> chosen
) {
    SEYIR_CHECK(lines_.open());
    SEYIR_CHECK(lines_.load_slots(chosen));
    return make_batch(chosen, {});
}

Result<std::shared_ptr<RecordBatch>> BlockDecoder::make_batch(
    std::optional<std::span<const uint32_t>> chosen, std::span<const uint8_t> has_line
) {
    auto batch = std::make_shared<RecordBatch>(shape_.tenant);
    batch->reserve_rows(chosen ? chosen->size() : shape_.rows);
    for (const StreamLabelsPtr& labels : parts_.streams) {
        batch->add_stream(labels);
    }
    if (batch->streams().size() != parts_.streams.size()) {
        return malformed("the stream table");
    }
    SEYIR_CHECK(append_rows(chosen, has_line, *batch));
    return batch;
}

Result<BlockDecoder::Wanted> BlockDecoder::rows(
    std::optional<std::span<const uint32_t>> chosen, const LineWants& wants
) {
    if (wants.is_whole && wants.tests.empty()) {
        SEYIR_TRY(auto batch, rows(chosen));
        return Wanted{std::move(batch), nullptr, {}};
    }
    std::vector<uint32_t> picked(shape_.rows);
    if (chosen) {
        picked.assign(chosen->begin(), chosen->end());
    } else {
        std::iota(picked.begin(), picked.end(), 0);
    }
    if (wants.format != LineFormat::kNone || !wants.tests.empty()) {
        SEYIR_CHECK(lines_.open());
    }
    std::vector<uint8_t> is_sure;
    SEYIR_CHECK(test_lines(lines_, shape_.raw_bytes, wants.tests, picked, is_sure));
    if (wants.is_whole) {
        SEYIR_TRY(auto batch, rows(picked));
        return Wanted{std::move(batch), nullptr, {}};
    }
    auto values = std::make_shared<LineValues>();
    for (const uint8_t sure : is_sure) {
        values->has_line.push_back(sure == 0 ? 1 : 0);
    }
    if (wants.format != LineFormat::kNone) {
        SEYIR_TRY(const TableHead* const head, lines_.placed_head());
        RenderLimit limit{.bytes_max = shape_.raw_bytes};
        SEYIR_CHECK(find_json_labels(
            *head,
            wants,
            picked,
            limit,
            [&](uint32_t number) { return lines_.slot(number); },
            *values
        ));
    }
    std::vector<uint32_t> with_line;
    for (size_t i = 0; i < picked.size(); ++i) {
        if (values->has_line[i] != 0) {
            with_line.push_back(picked[i]);
        }
    }
    if (!with_line.empty()) {
        SEYIR_CHECK(lines_.load_slots(with_line));
    }
    SEYIR_TRY(auto batch, make_batch(picked, values->has_line));
    return Wanted{std::move(batch), std::move(values), std::move(picked)};
}

Result<FieldValues> BlockDecoder::field_values(std::span<const std::string_view> path) {
    SEYIR_CHECK(lines_.open());
    return read_field_values(lines_, shape_.raw_bytes, path);
}

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/block_decoder.hpp"

#include <algorithm>
#include <numeric>

#include "collector/store/columns/decode/json_labels.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kSmallBytesMax = 16 * 1024 * 1024;
/// Looking for more texts than this costs more than putting lines together.
constexpr size_t kNeedleTextsMax = 6;

size_t texts_in(const Needle& needle) {
    size_t texts = needle.kind == Needle::Kind::kText ? 1 : 0;
    for (const Needle& part : needle.parts) {
        texts += texts_in(part);
    }
    return texts;
}

Error malformed(std::string_view what) {
    return fail(ErrorCode::kCorrupt, std::string(what) + " of the block is malformed");
}

class RowTimes final : public TimesSource {
  public:
    explicit RowTimes(std::span<const int64_t> times) : times_(times) {}

    std::vector<int64_t> times(DecodeBudget& budget) const override {
        return budget.take_values(times_.size())
                   ? std::vector<int64_t>(times_.begin(), times_.end())
                   : std::vector<int64_t>();
    }

  private:
    std::span<const int64_t> times_;
};

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
    : shape_(shape), load_(std::move(load)) {}

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
    SEYIR_TRY(const std::string times, load(kTimes));
    times_ = decode_times(times, shape_.rows, context());
    if (times_.size() != shape_.rows) {
        return malformed("the time column");
    }
    SEYIR_TRY(const std::string parts, load(kRowParts));
    SEYIR_TRY(parts_, decode_rows(parts, shape_.rows, context()));
    return {};
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

Result<void> BlockDecoder::open_lines() {
    if (has_lines_) {
        return {};
    }
    SEYIR_TRY(const std::string bytes, load(kLines));
    codec::Reader reader(bytes);
    if (!read_table_head(reader, shape_.rows, context(), lines_)) {
        return malformed("the line column");
    }
    const bool refers = std::ranges::any_of(lines_.shapes, [](const TableHead::Shape& shape) {
        return std::ranges::count(shape.slots, Rule::kSame, &TableHead::Slot::rule) > 0;
    });
    if (refers) {
        return malformed("a shape");  // there is no table around lines
    }
    uint64_t begin = 0;
    uint16_t own = kFirstSlot;
    for (size_t i = 0; i < lines_.counts.size(); ++i) {
        const uint64_t size = reader.varint_up_to(kSmallBytesMax);
        small_places_.emplace_back(begin, size);
        own_numbers_.push_back(size == 0 ? own++ : uint16_t{0});
        begin += size;
    }
    if (!reader.ok() || reader.left() != 0 || begin > kSmallBytesMax) {
        return malformed("the line column");
    }
    SEYIR_TRY(const std::string small, load(kSmallSlots));
    codec::Reader packed(small);
    std::string keep;
    const std::string_view unpacked = unpacker_.read_sized(packed, begin, keep);
    if (!packed.ok() || packed.left() != 0 || unpacked.size() != begin ||
        !budget_.take_text(begin)) {
        return malformed("the small columns");
    }
    small_ = unpacked;
    slots_.resize(lines_.counts.size());
    own_bytes_.resize(lines_.counts.size());
    has_lines_ = true;
    return {};
}

Result<std::string_view> BlockDecoder::slot_bytes(uint32_t number) {
    const auto [begin, size] = small_places_[number];
    if (size != 0) {
        return std::string_view(small_).substr(begin, size);
    }
    if (!own_bytes_[number]) {
        SEYIR_TRY(own_bytes_[number], load(own_numbers_[number]));
    }
    return std::string_view(*own_bytes_[number]);
}

/// The column of a slot, read when it is asked for first.
Result<const Column*> BlockDecoder::slot(uint32_t number) {
    if (number >= slots_.size()) {
        return malformed("a reference between columns");
    }
    if (slots_[number] != nullptr) {
        return slots_[number].get();
    }
    SEYIR_TRY(const std::string_view bytes, slot_bytes(number));
    codec::Reader reader(bytes);
    const RowTimes row_times(times_);
    const ColumnTimes column_times(lines_, number, &row_times);
    DecodeContext how = context();
    how.times = &column_times;
    how.around = this;
    how.depth = 1;
    ColumnPtr column = read_column(reader, lines_.counts[number], how);
    if (column == nullptr || reader.left() != 0) {
        return malformed("a slot column");
    }
    const std::vector<uint32_t> others = column->refers_to;
    slots_[number] = std::move(column);
    own_bytes_[number].reset();
    for (const uint32_t other : others) {
        // What refers to others is not referred to: so there is no circle.
        SEYIR_TRY(const Column* const target, slot(other));
        if (!target->refers_to.empty() || !lines_.is_aligned(number, other)) {
            slots_[number] = nullptr;
            return malformed("a reference between columns");
        }
    }
    return slots_[number].get();
}

const Column* BlockDecoder::plain_column(uint32_t number) const {
    const bool is_there = number < slots_.size() && slots_[number] != nullptr;
    return is_there && slots_[number]->refers_to.empty() ? slots_[number].get() : nullptr;
}

/// Columns that the chosen rows have values in.
Result<void> BlockDecoder::load_slots(std::optional<std::span<const uint32_t>> chosen) {
    std::vector<bool> wanted(lines_.shapes.size(), !chosen);
    for_each_chosen(chosen, 0, [&](uint32_t row) {
        wanted[static_cast<size_t>(lines_.row_shapes[row])] = true;
    });
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i]) {
            continue;
        }
        for (const TableHead::Slot& part : lines_.shapes[i].slots) {
            SEYIR_TRY(const Column* const column, slot(part.column));
            (void)column;
        }
    }
    return {};
}

/// `has_line`: by chosen row; empty: all have.
Result<void> BlockDecoder::append_rows(
    std::optional<std::span<const uint32_t>> chosen,
    std::span<const uint8_t> has_line,
    RecordBatch& batch
) {
    SEYIR_TRY(const std::vector<int64_t> severities, levels());
    auto text = std::make_shared<std::string>();
    // Of a corrupt block the header's size may be no size of a text.
    constexpr uint64_t kReserveMax = 4 * 1024 * 1024;
    text->reserve(chosen || !has_line.empty() ? 0 : std::min(shape_.raw_bytes, kReserveMax));
    std::vector<size_t> ends;
    ends.reserve(chosen ? chosen->size() : shape_.rows);
    RenderLimit limit{.bytes_max = shape_.raw_bytes};
    bool is_good = true;
    for_each_chosen(chosen, shape_.rows, [&](uint32_t row) {
        const bool is_left_out = !has_line.empty() && has_line[ends.size()] == 0;
        is_good =
            is_good && (is_left_out || lines_.append_row(
                                           *text,
                                           row,
                                           limit,
                                           [&](uint32_t number) { return slots_[number].get(); },
                                           [](uint32_t) -> const Column* { return nullptr; }
                                       ));
        ends.push_back(text->size());
    });
    if (!is_good) {
        return malformed("a line");
    }
    batch.arena().adopt(text, text->capacity());
    std::vector<AttrRange> ranges(parts_.set_shape.size() + 1);
    std::vector<bool> has_range(ranges.size(), false);
    std::vector<Attr> attrs;
    size_t n = 0;
    for_each_chosen(chosen, shape_.rows, [&](uint32_t i) {
        Row row;
        row.ts = {times_[i]};
        row.stream = static_cast<uint16_t>(parts_.row_stream[i]);
        const size_t begin = n == 0 ? 0 : ends[n - 1];
        row.body = std::string_view(*text).substr(begin, ends[n] - begin);
        ++n;
        row.severity =
            severities.empty() ? kSeverityUnset : static_cast<SeverityNumber>(severities[i]);
        if (!parts_.observed.empty() && parts_.observed[i] != 0) {
            row.observed = {static_cast<int64_t>(
                static_cast<uint64_t>(times_[i]) + static_cast<uint64_t>(parts_.observed[i])
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
    SEYIR_CHECK(open_lines());
    SEYIR_CHECK(load_slots(chosen));
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

/// Which rows hold the text.
Result<Verdicts> BlockDecoder::match_lines(const std::string& text, bool any_case) {
    Verdicts rows;
    TextMatcher matcher(text, any_case, {.bytes_max = shape_.raw_bytes});
    if (text.empty() || matcher.needs_line()) {
        rows.fill(shape_.rows, text.empty() ? Holds::kYes : Holds::kMaybe);
        return rows;
    }
    Result<void> outcome;
    const TextMatcher::Columns columns{
        [&](uint32_t number) -> const Column* {
            const auto column = slot(number);
            if (!column) {
                outcome = column.error();
                return nullptr;
            }
            return *column;
        },
        [](uint32_t) -> const Column* { return nullptr; },
        [&](uint32_t number) {
            if (slots_[number] != nullptr) {
                return false;
            }
            const auto bytes = slot_bytes(number);
            const auto form = bytes ? form_of_column(*bytes) : std::nullopt;
            return form && !matcher.can_be_in(*form);
        }
    };
    matcher.match_rows(lines_, columns, rows);
    SEYIR_CHECK(std::move(outcome));
    return matcher.ok() ? Result<Verdicts>(std::move(rows)) : malformed("a slot");
}

/// Which rows may hold what the needle says; never kYes.
Result<Verdicts> BlockDecoder::match_lines(const Needle& needle) {
    Verdicts rows;
    const bool is_of_line = needle.place == Needle::Place::kLine;
    if (needle.kind == Needle::Kind::kText && is_of_line) {
        SEYIR_TRY(const Verdicts found, match_lines(needle.text, needle.any_case));
        for (size_t i = 0; i < shape_.rows && found.any(); ++i) {
            rows.raise(i, shape_.rows, std::min(found.at(i), Holds::kMaybe));
        }
        return rows;
    }
    if (needle.kind == Needle::Kind::kAnything || needle.kind == Needle::Kind::kText) {
        rows.fill(shape_.rows, Holds::kMaybe);
        return rows;
    }
    const bool is_all = needle.kind == Needle::Kind::kAll;
    rows.fill(shape_.rows, is_all ? Holds::kMaybe : Holds::kNo);
    for (const Needle& part : needle.parts) {
        SEYIR_TRY(const Verdicts found, match_lines(part));
        for (size_t i = 0; i < shape_.rows; ++i) {
            rows.set(
                i, is_all ? std::min(rows.at(i), found.at(i)) : std::max(rows.at(i), found.at(i))
            );
        }
        if (is_all && !found.any()) {
            return Verdicts();
        }
    }
    return rows;
}

/// Which rows pass.
Result<Verdicts> BlockDecoder::match_lines(const LineTest& test) {
    if (test.any_of.empty()) {
        if (texts_in(test.holds) <= kNeedleTextsMax) {
            return match_lines(test.holds);
        }
        Verdicts unknown;
        unknown.fill(shape_.rows, Holds::kMaybe);
        return unknown;
    }
    Verdicts rows;
    for (const std::string& text : test.any_of) {
        SEYIR_TRY(const Verdicts found, match_lines(text, false));
        for (size_t i = 0; i < shape_.rows && found.any(); ++i) {
            rows.raise(i, shape_.rows, found.at(i));
        }
    }
    if (!test.negated) {
        return rows;
    }
    Verdicts without;
    for (size_t i = 0; i < shape_.rows; ++i) {
        const Holds holds = rows.at(i);
        without.raise(
            i,
            shape_.rows,
            holds == Holds::kYes  ? Holds::kNo
            : holds == Holds::kNo ? Holds::kYes
                                  : Holds::kMaybe
        );
    }
    return without;
}

/// Of `chosen` those that may pass all tests; `is_sure` by row of those.
Result<void> BlockDecoder::test_lines(
    const std::vector<LineTest>& tests, std::vector<uint32_t>& chosen, std::vector<uint8_t>& is_sure
) {
    is_sure.assign(chosen.size(), 1);
    for (const LineTest& test : tests) {
        SEYIR_TRY(const Verdicts passes, match_lines(test));
        size_t kept = 0;
        for (size_t i = 0; i < chosen.size(); ++i) {
            const Holds holds = passes.at(chosen[i]);
            if (holds == Holds::kNo) {
                continue;
            }
            is_sure[kept] = is_sure[i] != 0 && holds == Holds::kYes ? 1 : 0;
            chosen[kept++] = chosen[i];
        }
        chosen.resize(kept);
        is_sure.resize(kept);
        if (chosen.empty()) {
            break;
        }
    }
    return {};
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
    if (wants.as_json || !wants.tests.empty()) {
        SEYIR_CHECK(open_lines());
    }
    std::vector<uint8_t> is_sure;
    SEYIR_CHECK(test_lines(wants.tests, picked, is_sure));
    if (wants.is_whole) {
        SEYIR_TRY(auto batch, rows(picked));
        return Wanted{std::move(batch), nullptr, {}};
    }
    auto values = std::make_shared<LineValues>();
    for (const uint8_t sure : is_sure) {
        values->has_line.push_back(sure == 0 ? 1 : 0);
    }
    if (wants.as_json) {
        RenderLimit limit{.bytes_max = shape_.raw_bytes};
        SEYIR_CHECK(find_json_labels(
            lines_, wants, picked, limit, [&](uint32_t number) { return slot(number); }, *values
        ));
    }
    std::vector<uint32_t> with_line;
    for (size_t i = 0; i < picked.size(); ++i) {
        if (values->has_line[i] != 0) {
            with_line.push_back(picked[i]);
        }
    }
    if (!with_line.empty()) {
        SEYIR_CHECK(load_slots(with_line));
    }
    SEYIR_TRY(auto batch, make_batch(picked, values->has_line));
    return Wanted{std::move(batch), std::move(values), std::move(picked)};
}

namespace {

/// Where a shape has the field.
struct FieldPlace {
    FieldValues::State state = FieldValues::State::kAbsent;
    size_t slot = 0;
};

FieldPlace place_in(const TableHead& lines, const TableHead::Shape& shape, std::string_view name) {
    FieldPlace found;
    if (shape.mode != Mode::kJson && shape.mode != Mode::kPairs) {
        return {FieldValues::State::kUnknown, 0};
    }
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        const TableHead::Slot& slot = shape.slots[i];
        const std::string_view own = lines.names[slot.column];
        // A name with an escape may be the one asked for in other words; what stands in an array's
        // place may be an object that has the field.
        const bool is_within = slot.rule == Rule::kJsonArray && name.starts_with(own);
        const bool is_near = own.contains('\\') || slot.rule == Rule::kRest || is_within;
        const bool is_twice = own == name && found.state != FieldValues::State::kAbsent;
        if (is_near || is_twice) {
            return {FieldValues::State::kUnknown, 0};
        }
        if (own == name) {
            const bool is_scalar = slot.rule == Rule::kJsonScalar;
            found = {is_scalar ? FieldValues::State::kScalar : FieldValues::State::kText, i};
        }
    }
    // A key without `=` stands in the text between.
    const bool is_unsure = shape.mode == Mode::kPairs && found.state == FieldValues::State::kAbsent;
    return is_unsure ? FieldPlace{FieldValues::State::kUnknown, 0} : found;
}

}  // namespace

Result<FieldValues> BlockDecoder::field_values(std::span<const std::string_view> path) {
    SEYIR_CHECK(open_lines());
    std::string name;
    for (const std::string_view part : path) {
        name += name.empty() ? "" : std::string(1, kPathSeparator);
        name += part;
    }
    std::vector<FieldPlace> places;
    for (const TableHead::Shape& shape : lines_.shapes) {
        places.push_back(place_in(lines_, shape, name));
        const FieldPlace& place = places.back();
        if (place.state == FieldValues::State::kText ||
            place.state == FieldValues::State::kScalar) {
            SEYIR_TRY(const Column* const column, slot(shape.slots[place.slot].column));
            (void)column;
        }
    }
    FieldValues out;
    RenderLimit limit{.bytes_max = shape_.raw_bytes};
    for (size_t row = 0; row < shape_.rows; ++row) {
        const FieldPlace& place = places[static_cast<size_t>(lines_.row_shapes[row])];
        FieldValues::State state = place.state;
        if (state == FieldValues::State::kText || state == FieldValues::State::kScalar) {
            const size_t before = out.text.size();
            const TableHead::Slot& part = lines_.shape_of(row).slots[place.slot];
            const uint32_t at = lines_.places[lines_.first_place[row] + place.slot];
            if (!slots_[part.column]->append(out.text, at, limit)) {
                return malformed("a field");
            }
            if (std::string_view(out.text).substr(before).contains('\\')) {
                out.text.resize(before);
                state = FieldValues::State::kUnknown;
            }
        }
        out.states.push_back(state);
        out.ends.push_back(static_cast<uint32_t>(out.text.size()));
    }
    return out;
}

Result<void> verify(const EncodedBlock& encoded, const RecordBatch& batch) {
    BlockDecoder decoder(
        {static_cast<uint32_t>(batch.row_count()), batch.raw_bytes(), batch.tenant()},
        [&](uint16_t number) -> Result<std::string> {
            const auto at = std::ranges::find(encoded.columns, number, &EncodedColumn::number);
            if (at == encoded.columns.end()) {
                return fail(ErrorCode::kNotFound, "no such column");
            }
            return at->bytes;
        }
    );
    SEYIR_CHECK(decoder.open());
    SEYIR_TRY(const auto decoded, decoder.rows(std::nullopt));
    const auto is_kept = [](const Attr& attr) { return !attr.is_parsed; };
    const auto same_attrs = [&](size_t i) {
        const auto read = decoded->attrs(i);
        size_t n = 0;
        for (const Attr& attr : batch.attrs(i)) {
            if (!is_kept(attr)) {
                continue;
            }
            if (n >= read.size() || decoded->keys()[read[n].key] != batch.keys()[attr.key] ||
                read[n].value != attr.value) {
                return false;
            }
            ++n;
        }
        return n == read.size();
    };
    for (size_t i = 0; i < batch.row_count(); ++i) {
        const UnixNanos observed =
            batch.observed(i) == batch.ts(i) ? UnixNanos{} : batch.observed(i);
        const bool is_same =
            decoded->body(i) == batch.body(i) && decoded->ts(i) == batch.ts(i) &&
            decoded->severity(i) == batch.severity(i) && decoded->observed(i) == observed &&
            decoded->trace(i) == batch.trace(i) &&
            *decoded->streams()[decoded->stream(i)] == *batch.streams()[batch.stream(i)] &&
            same_attrs(i);
        if (!is_same) {
            return fail(
                ErrorCode::kInternal, "row " + std::to_string(i) + " does not read back as it was"
            );
        }
    }
    return {};
}

}  // namespace seyir::store::columns

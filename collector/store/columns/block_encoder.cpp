// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/block_encoder.hpp"

#include <algorithm>

namespace seyir::store::columns {
namespace {

constexpr size_t kStreamsMax = 16 * 1024;
constexpr size_t kModeSampleMax = 1024;
constexpr size_t kOwnColumnBytes = 512;  // smaller slots are kept together
constexpr size_t kShapesShare = 3;
constexpr size_t kLinesAShape = 10;
constexpr uint32_t kRowsToJudge = 200;
constexpr uint32_t kRetryBlocksMax = 1024;
/// The end of a day and what comes late make such blocks; they are a small part of all bytes.
constexpr uint64_t kSmallBlockRawBytes = 384 * 1024;
constexpr int kSmallBlockLevel = 16;
/// Field names are worth this much: a query can read one field alone.
constexpr double kFieldsWorth = 0.9;

}  // namespace

size_t EncodedBlock::stored_bytes() const {
    size_t bytes = 0;
    for (const EncodedColumn& column : columns) {
        bytes += column.bytes.size();
    }
    return bytes;
}

BlockEncoder::BlockEncoder() : rows_(values_) {}

Mode BlockEncoder::mode_of(StreamFingerprint stream) const {
    const auto at = streams_.find(stream);
    return at == streams_.end() ? Mode::kWhole : at->second.mode;
}

EncodedBlock BlockEncoder::encode(const RecordBatch& batch, PieceSink* pieces) {
    EncodedBlock out;
    values_.pieces = nullptr;
    out.columns.push_back({kTimes, rows_.times(batch)});
    if (std::string levels = rows_.levels(batch); !levels.empty()) {
        out.columns.push_back({kLevels, std::move(levels)});
    }
    out.columns.push_back({kRowParts, rows_.rows(batch)});
    values_.pieces = pieces;
    encode_lines(batch, out);
    values_.pieces = nullptr;
    return out;
}

void BlockEncoder::encode_lines(const RecordBatch& batch, EncodedBlock& out) {
    if (lines_.shapes.is_full() || streams_.size() > kStreamsMax) {
        lines_ = {};
        streams_.clear();
    }
    values_.packer.level_min = batch.raw_bytes() <= kSmallBlockRawBytes ? kSmallBlockLevel : 0;
    std::vector<StreamState*> states;
    for (uint16_t i = 0; i < batch.streams().size(); ++i) {
        StreamState& state = streams_[batch.streams()[i]->fingerprint()];
        if (!state.is_decided) {
            decide_mode(batch, i, state);
        }
        state.rows = 0;
        state.misses = 0;
        states.push_back(&state);
    }
    lines_.shapes.separate_twins();
    TableEncoder table(values_);
    table.begin(lines_, batch.row_count());
    std::vector<int64_t> times;
    times.reserve(batch.row_count());
    for (size_t i = 0; i < batch.row_count(); ++i) {
        StreamState& state = *states[batch.stream(i)];
        const ShapeSet::Match match = table.add(state.mode, batch.body(i));
        ++state.rows;
        state.misses += match.is_new || match.is_unreadable ? 1 : 0;
        times.push_back(batch.ts(i).value);
    }
    EncodedColumn head{kLines, {}};
    table.write_head({}, head.bytes);
    const std::vector<std::string> slots = table.write_columns(times, 1, true);
    std::string small;
    std::vector<EncodedColumn> big;
    for (const std::string& slot : slots) {
        const bool is_small = slot.size() < kOwnColumnBytes ||
                              big.size() + kFirstSlot >= std::numeric_limits<uint16_t>::max();
        codec::append_varint(head.bytes, is_small ? slot.size() : 0);
        if (is_small) {
            small += slot;
        } else {
            big.push_back({static_cast<uint16_t>(kFirstSlot + big.size()), slot});
        }
    }
    EncodedColumn together{kSmallSlots, {}};
    values_.packer.append_sized(together.bytes, small);
    values_.packer.level_min = 0;
    out.columns.push_back(std::move(head));
    out.columns.push_back(std::move(together));
    for (EncodedColumn& column : big) {
        out.columns.push_back(std::move(column));
    }
    for (StreamState* state : states) {
        settle(*state);
    }
}

/// Has the stream decided anew when more than a tenth of its lines met no shape that was known.
void BlockEncoder::settle(StreamState& state) {
    ++state.blocks;
    const bool is_missed = state.misses * 10 > state.rows && state.rows >= kRowsToJudge;
    if (is_missed && state.blocks > state.retry_after) {
        state.is_decided = false;
        state.retry_after = std::min(state.retry_after * 2, kRetryBlocksMax);
    }
}

void BlockEncoder::decide_mode(const RecordBatch& batch, uint16_t stream, StreamState& state) {
    std::vector<std::string_view> lines;
    for (size_t i = 0; i < batch.row_count() && lines.size() < kModeSampleMax; ++i) {
        if (batch.stream(i) == stream) {
            lines.push_back(batch.body(i));
        }
    }
    state.is_decided = lines.size() == kModeSampleMax || lines.size() >= kRowsToJudge;
    state.blocks = 0;
    std::vector<Token> tokens;
    const auto json = std::ranges::count_if(lines, [&](std::string_view line) {
        return tokenize_json(line, tokens);
    });
    if (static_cast<size_t>(json) * 10 >= lines.size() * 8) {
        state.mode = Mode::kJson;
        return;
    }
    const auto pairs = std::ranges::count_if(lines, [&](std::string_view line) {
        return tokenize(Mode::kPairs, line, {}, tokens) &&
               std::ranges::count_if(tokens, [](const Token& t) { return !t.name.empty(); }) > 1;
    });
    double smallest = 1e18;
    for (const Mode mode : {Mode::kWhole, Mode::kWords, Mode::kFields, Mode::kPairs}) {
        const bool is_pairs = mode == Mode::kPairs;
        if (is_pairs && static_cast<size_t>(pairs) * 2 < lines.size()) {
            continue;
        }
        const double size =
            static_cast<double>(size_in(mode, lines)) * (is_pairs ? kFieldsWorth : 1);
        if (size < smallest) {
            smallest = size;
            state.mode = mode;
        }
    }
}

size_t BlockEncoder::size_in(Mode mode, const std::vector<std::string_view>& lines) {
    PieceSink* const kept = std::exchange(values_.pieces, nullptr);
    const int level_min = std::exchange(values_.packer.level_min, 0);
    TablePlan plan;
    plan.shapes.separate_twins();
    TableEncoder table(values_);
    table.begin(plan, lines.size());
    for (const std::string_view line : lines) {
        table.add(mode, line);
    }
    std::string bytes;
    table.write_head({}, bytes);
    // A block has more lines than the sample, and not many more shapes if these are few.
    const bool is_settled = plan.shapes.shape_count() * kLinesAShape < lines.size();
    size_t size = is_settled ? bytes.size() / kShapesShare : bytes.size();
    for (const std::string& column : table.write_columns({}, 1, true)) {
        size += column.size();
    }
    values_.pieces = kept;
    values_.packer.level_min = level_min;
    return size;
}

}  // namespace seyir::store::columns

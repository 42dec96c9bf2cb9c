// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/rows.hpp"

#include "collector/store/format/row_reader.hpp"

namespace seyir::store {

using codec::append_le;
using codec::append_text;
using codec::append_varint;

std::string encode(const LaneState& state) {
    std::string out(1, static_cast<char>(kRowVersion));
    append_le(out, state.committed);
    append_le(out, state.tail_hash);
    append_le(out, state.skipped_bytes);
    append_le(out, state.committed_at.value);
    append_text(out, state.cursor);
    return out;
}

Result<LaneState> decode_lane(std::string_view bytes) {
    SEYIR_TRY(auto reader, open_row(bytes, "lane row"));
    LaneState state;
    state.committed = reader.le<uint64_t>();
    state.tail_hash = reader.le<uint64_t>();
    state.skipped_bytes = reader.le<uint64_t>();
    state.committed_at = {reader.le<int64_t>()};
    state.cursor = reader.text(64 * 1024);
    SEYIR_CHECK(close_row(reader, "lane row"));
    return state;
}

void append_streams(std::string& out, const std::vector<StreamId>& streams) {
    append_varint(out, streams.size());
    StreamId before = 0;
    for (const StreamId id : streams) {
        append_varint(out, id - before);
        before = id;
    }
}

std::vector<StreamId> read_streams(codec::Reader& reader) {
    const uint64_t count = reader.varint_up_to(reader.left());
    std::vector<StreamId> streams;
    streams.reserve(count);
    StreamId before = 0;
    for (uint64_t i = 0; i < count; ++i) {
        before += static_cast<StreamId>(reader.varint_up_to(UINT32_MAX));
        streams.push_back(before);
    }
    return streams;
}

std::string encode(const StageEntry& entry) {
    std::string out(1, static_cast<char>(kRowVersion));
    append_le(out, static_cast<uint32_t>(entry.tenant));
    append_varint(out, entry.rows);
    append_varint(out, entry.raw_bytes);
    append_varint(out, entry.payload_bytes);
    append_le(out, entry.xxh3);
    append_le(out, entry.min_ts.value);
    append_le(out, entry.max_ts.value);
    append_streams(out, entry.streams);
    return out;
}

Result<StageEntry> decode_stage_entry(CommitNumber number, std::string_view bytes) {
    SEYIR_TRY(auto reader, open_row(bytes, "stage entry"));
    StageEntry entry{.number = number};
    entry.tenant = TenantId{reader.le<uint32_t>()};
    entry.rows = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    entry.raw_bytes = reader.varint();
    entry.payload_bytes = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    entry.xxh3 = reader.le<uint64_t>();
    entry.min_ts = {reader.le<int64_t>()};
    entry.max_ts = {reader.le<int64_t>()};
    entry.streams = read_streams(reader);
    SEYIR_CHECK(close_row(reader, "stage entry"));
    return entry;
}

std::string encode_labels(const StreamLabels& labels) {
    std::string out(1, static_cast<char>(kRowVersion));
    append_varint(out, labels.pairs().size());
    for (const auto& [name, value] : labels.pairs()) {
        append_text(out, name);
        append_text(out, value);
    }
    return out;
}

Result<StreamLabelsPtr> decode_labels(std::string_view bytes) {
    SEYIR_TRY(auto reader, open_row(bytes, "stream row"));
    const uint64_t count = reader.varint_up_to(kLabelsMax);
    std::vector<StreamLabels::Pair> pairs;
    for (uint64_t i = 0; i < count; ++i) {
        std::string name(reader.text(kLabelNameBytesMax));
        pairs.emplace_back(std::move(name), reader.text(kLabelValueBytesMax));
    }
    SEYIR_CHECK(close_row(reader, "stream row"));
    return StreamLabels::make(std::move(pairs));
}

std::string encode_u64(uint64_t value) {
    std::string out;
    append_le(out, value);
    return out;
}

Result<uint64_t> decode_u64(std::string_view bytes) {
    codec::Reader reader(bytes);
    const auto value = reader.le<uint64_t>();
    SEYIR_CHECK(close_row(reader, "number"));
    return value;
}

}  // namespace seyir::store

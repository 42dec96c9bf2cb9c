// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/block_header.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/codec/bytes.hpp"

namespace seyir::store {
namespace {

using codec::append_le;
using codec::append_varint;
using codec::unzigzag;
using codec::zigzag;

constexpr std::string_view kMagic = "SK";
constexpr uint8_t kPayloadVersion = 1;  // one column with all of all rows
constexpr uint8_t kColumnsVersion = 2;  // a reader of the first cannot read the rows
constexpr size_t kColumnsMax = 65'536;

Error corrupt(const codec::Reader& reader) {
    return fail(
        ErrorCode::kCorrupt, fmt::format("block header is malformed at byte {}", reader.offset())
    );
}

}  // namespace

const ColumnEntry* BlockHeader::find(ColumnId id) const {
    const auto at = std::ranges::find(columns, id, &ColumnEntry::id);
    return at == columns.end() ? nullptr : &*at;
}

std::string encode(const BlockHeader& header) {
    std::string out(kMagic);
    const bool has_columns =
        std::ranges::count(header.columns, ColumnCodec::kColumns, &ColumnEntry::codec) > 0;
    out += static_cast<char>(has_columns ? kColumnsVersion : kPayloadVersion);
    out += static_cast<char>(header.filter.kind);
    append_le(out, header.filter.slot);
    append_le(out, header.rows);
    append_le(out, header.raw_bytes);
    append_le(out, header.min_ts.value);
    append_le(out, header.max_ts.value);
    append_varint(out, header.columns.size());
    for (const ColumnEntry& column : header.columns) {
        append_le(out, static_cast<uint16_t>(column.id));
        append_le(out, static_cast<uint8_t>(column.codec));
        append_le(out, column.stored_bytes);
        append_le(out, column.raw_bytes);
        append_le(out, column.xxh3);
    }
    append_varint(out, header.runs.size());
    for (const StreamRun& run : header.runs) {
        append_varint(out, run.stream);
        append_varint(out, run.rows);
        append_varint(out, zigzag(run.min_ts.value - header.min_ts.value));
        append_varint(out, zigzag(run.max_ts.value - run.min_ts.value));
    }
    return out;
}

Result<BlockHeader> decode_block_header(std::string_view bytes) {
    codec::Reader reader(bytes);
    if (reader.bytes(kMagic.size()) != kMagic) {
        return fail(ErrorCode::kCorrupt, "block header does not begin with \"SK\"");
    }
    if (const uint8_t version = reader.u8();
        version != kPayloadVersion && version != kColumnsVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "block header has version {}, known are {} and {}",
                version,
                kPayloadVersion,
                kColumnsVersion
            )
        );
    }
    BlockHeader header;
    header.filter.kind = static_cast<FilterKind>(reader.u8());
    header.filter.slot = reader.le<uint32_t>();
    header.rows = reader.le<uint32_t>();
    header.raw_bytes = reader.le<uint64_t>();
    header.min_ts = {reader.le<int64_t>()};
    header.max_ts = {reader.le<int64_t>()};
    const uint64_t columns = reader.varint_up_to(std::min(kColumnsMax, reader.left()));
    for (uint64_t i = 0; i < columns && reader.ok(); ++i) {
        ColumnEntry column;
        column.id = static_cast<ColumnId>(reader.le<uint16_t>());
        column.codec = static_cast<ColumnCodec>(reader.u8());
        column.stored_bytes = reader.le<uint32_t>();
        column.raw_bytes = reader.le<uint32_t>();
        column.xxh3 = reader.le<uint64_t>();
        header.columns.push_back(column);
    }
    const uint64_t runs = reader.varint_up_to(reader.left());
    uint64_t rows = 0;
    for (uint64_t i = 0; i < runs && reader.ok(); ++i) {
        StreamRun run;
        run.stream = static_cast<StreamId>(reader.varint_up_to(UINT32_MAX));
        run.rows = static_cast<uint32_t>(reader.varint_up_to(header.rows));
        // Unsigned arithmetic: bytes may claim any distance, and wrapping is defined.
        const auto base = static_cast<uint64_t>(header.min_ts.value);
        const uint64_t min = base + static_cast<uint64_t>(unzigzag(reader.varint()));
        run.min_ts = {static_cast<int64_t>(min)};
        run.max_ts = {static_cast<int64_t>(min + static_cast<uint64_t>(unzigzag(reader.varint())))};
        rows += run.rows;
        header.runs.push_back(run);
    }
    if (!reader.ok() || reader.left() != 0 || rows != header.rows) {
        return corrupt(reader);
    }
    return header;
}

}  // namespace seyir::store

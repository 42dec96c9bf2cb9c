// SPDX-License-Identifier: Apache-2.0
// The batch payload: a RecordBatch as self-contained bytes, the same on the wire, in the spool and
// in the stage. A plain head (positions, stream table, times) in front of compressed columns, so a
// scan prunes by time and stream without unpacking rows.
// Room: BatchView -> EncodedBatch -> RecordBatch.
// Threads: an encoder or decoder belongs to one thread at a time; the free functions are safe.
// Errors: kCorrupt (with the offset) and kUnsupported for bytes, kTooLarge for a named limit. Bytes
// are never trusted: every count is checked before memory is taken for it.
// Format: docs/format/batch.md
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.hpp"
#include "common/codec/compress.hpp"
#include "common/record/batch.hpp"

namespace seyir {

inline constexpr size_t kBatchPrefixBytes = 12;
inline constexpr uint8_t kBatchFormatVersion = 1;

/// Both sides hold to these; a batch beyond them is refused with the limit's name and the value.
struct BatchLimits {
    uint32_t payload_bytes_max = 4 * 1024 * 1024;  ///< before compression
    uint32_t head_bytes_max = 1024 * 1024;
    uint32_t rows_max = 2 * 1024 * 1024;
    uint32_t record_bytes_max = 1024 * 1024;
    uint32_t positions_max = 16 * 1024;
    uint32_t streams_max = 4096;
    uint32_t keys_max = 16 * 1024;
    uint32_t key_bytes_max = 1024;
    uint32_t attrs_per_row_max = 512;
    uint32_t values_max = 1024 * 1024;  ///< attributes of all rows with what they hold inside
    uint32_t depth_max = 64;
    uint32_t cursor_bytes_max = 1024;
};

struct EncodeOptions {
    PayloadCodec codec = PayloadCodec::kLz4;
    int lz4_acceleration = 1;
    int zstd_level = 1;
    BatchLimits limits;
    /// Writes attributes that have is_parsed, with the flag: for buffers in front of an output of
    /// the same program. The wire and the store leave them out
    /// (docs/adr/0012-parsed-attributes.md).
    bool keep_parsed = false;
};

/// What a payload says before its rows are unpacked.
struct EncodedHeader {
    PayloadCodec codec = PayloadCodec::kNone;
    uint32_t payload_raw_bytes = 0;  ///< EncodedBatch::raw_bytes
    uint32_t rows = 0;
    UnixNanos min_ts;  ///< both 0 when there are no rows
    UnixNanos max_ts;
    uint64_t raw_bytes = 0;  ///< as RecordBatch::raw_bytes
    std::vector<SourcePosition> positions;
    std::vector<StreamLabelsPtr> streams;  ///< only those that have rows
    size_t rows_offset = 0;                ///< where the compressed part begins
};

class BatchEncoder {
  public:
    explicit BatchEncoder(EncodeOptions options = {}) : options_(options) {}

    /// All positions, the selected rows, the streams they use. Allocates only the result once its
    /// buffers have grown to the batches' size.
    Result<EncodedBatch> encode(const BatchView& view);

    /// The same with other positions in the places of the batch's: as many, in the same order,
    /// since rows name theirs by number.
    Result<EncodedBatch> encode(
        const BatchView& view, const std::vector<SourcePosition>& positions
    );

  private:
    struct Scan;

    /// One attribute set of the payload.
    struct AttrSet {
        AttrRange range;
        uint32_t written = 0;  ///< attributes that are not left out
    };

    /// What is known of the range that begins here.
    struct RangeSet {
        uint32_t count = 0;  ///< of the range; 0: nothing is known
        uint32_t set = 0;    ///< its set; 0: nothing of it is written
    };

    Result<Scan> scan(const BatchView& view);
    void write_head(
        const BatchView& view, const Scan& scan, const std::vector<SourcePosition>& positions
    );
    Result<void> write_rows(const BatchView& view, const Scan& scan);
    Result<void> write_attr_sets(const RecordBatch& batch);
    void write_columns(const BatchView& view, const Scan& scan);
    uint32_t attr_set_of(const RecordBatch& batch, uint32_t row);
    uint32_t new_attr_set(const RecordBatch& batch, AttrRange range);
    Result<void> write_keys(const RecordBatch& batch);

    bool is_written(const Attr& attr) const { return options_.keep_parsed || !attr.is_parsed; }

    Result<EncodedBatch> pack();

    EncodeOptions options_;
    codec::Lz4Compressor lz4_;
    codec::ZstdCompressor zstd_;
    std::string head_;
    std::string rows_;
    std::string packed_;
    std::vector<uint16_t> stream_number_;  // of the batch's streams; kNoStream: unused
    std::vector<RangeSet> set_at_;         // attr range begin -> its set
    std::vector<AttrSet> sets_;            // set number - 1 -> what is in it
    std::vector<uint32_t> row_set_;        // selected row -> set number; 0: no attributes
    std::vector<uint32_t> key_number_;     // of the batch's keys in the payload
    bool has_parsed_ = false;              // a range seen holds parsed attributes
};

class BatchDecoder {
  public:
    explicit BatchDecoder(BatchLimits limits = {}) : limits_(limits) {}

    /// Checks XXH3, codec and size, then every field. The batch keeps `encoded`, so an unchanged
    /// batch is stored as received; not so with parsed attributes, which must not travel on. Bodies
    /// and strings point into one buffer of the batch.
    Result<std::shared_ptr<RecordBatch>> decode(const EncodedBatch& encoded, TenantId tenant);

    /// The head alone; cost does not depend on the number of rows.
    Result<EncodedHeader> read_header(std::string_view payload);

  private:
    class Rows;

    Result<std::string_view> unpack(
        const EncodedHeader& header, const EncodedBatch& encoded, RecordBatch& batch
    );
    Result<StreamLabelsPtr> labels_from(std::string_view bytes);

    BatchLimits limits_;
    codec::ZstdDecompressor zstd_;
    // Streams seen lately by their bytes: batches of one source share one StreamLabels object.
    std::unordered_map<std::string, StreamLabelsPtr> known_streams_;
    std::string label_bytes_;
};

/// One-shot forms for callers without a stream of batches.
Result<EncodedBatch> encode_batch(const BatchView& view, PayloadCodec codec);
Result<std::shared_ptr<RecordBatch>> decode_batch(const EncodedBatch& encoded, TenantId tenant);
Result<EncodedHeader> peek_batch_header(std::string_view payload);

/// Rebuilds codec, size and hash from stored payload bytes (which carry the first two).
Result<EncodedBatch> encoded_from_bytes(std::shared_ptr<const std::string> bytes);

}  // namespace seyir

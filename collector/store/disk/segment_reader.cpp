// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/segment_reader.hpp"

#include <fmt/format.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <xxhash.h>

#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/disk/database.hpp"
#include "collector/store/disk/table_check.hpp"

namespace seyir::store {
namespace {

rocksdb::Options read_options(const SegmentFiles& files) {
    rocksdb::Options options;
    if (files.env != nullptr) {
        options.env = files.env.get();
    }
    rocksdb::BlockBasedTableOptions table;
    // Blocks are read once a query; the page cache is the cache.
    table.no_block_cache = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

}  // namespace

struct SegmentReader::Rep {
    explicit Rep(const SegmentFiles& files) : env(files.env), reader(read_options(files)) {}

    std::shared_ptr<rocksdb::Env> env;
    rocksdb::SstFileReader reader;
    std::string path;
    std::mutex filter_mutex;
    std::optional<std::vector<gram::Group>> filter_groups;
};

SegmentReader::SegmentReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

SegmentReader::~SegmentReader() = default;

Result<std::shared_ptr<SegmentReader>> SegmentReader::open(
    const SegmentFiles& files, Day day, SegmentId id
) {
    auto rep = std::make_unique<Rep>(files);
    rep->path = segment_path(files.path, day, id);
    SEYIR_CHECK(check_table(*files.fs, rep->path));
    const auto status = rep->reader.Open(rep->path);
    if (!status.ok()) {
        return database_error(status, "opening segment " + rep->path);
    }
    return std::shared_ptr<SegmentReader>(new SegmentReader(std::move(rep)));
}

Result<std::optional<std::string>> SegmentReader::find(std::string_view key) const {
    const std::unique_ptr<rocksdb::Iterator> at(rep_->reader.NewIterator(rocksdb::ReadOptions()));
    const rocksdb::Slice wanted(key.data(), key.size());
    at->Seek(wanted);
    if (!at->status().ok()) {
        return database_error(at->status(), "reading segment " + rep_->path);
    }
    if (!at->Valid() || at->key() != wanted) {
        return std::optional<std::string>();
    }
    return std::optional(at->value().ToString());
}

Result<std::string> SegmentReader::get(std::string_view key) const {
    SEYIR_TRY(auto value, find(key));
    if (!value) {
        return fail(ErrorCode::kCorrupt, "segment " + rep_->path + " lacks a row it should have");
    }
    return std::move(*value);
}

Result<std::vector<gram::Group>> SegmentReader::filter_groups() const {
    const std::lock_guard lock(rep_->filter_mutex);
    if (!rep_->filter_groups) {
        SEYIR_TRY(const auto bytes, find(key::file_filter_directory()));
        std::vector<gram::Group> groups;
        if (bytes) {
            SEYIR_TRY(groups, gram::decode_directory(*bytes));
        }
        rep_->filter_groups = std::move(groups);
    }
    return *rep_->filter_groups;
}

PossibleBlocks SegmentReader::find_blocks(const gram::KeyTree& keys) const {
    PossibleBlocks possible;
    const auto note = [&](const Error& error) {
        possible.damage = possible.damaged_groups++ == 0 ? error.message : possible.damage;
    };
    const auto groups = filter_groups();
    if (!groups) {
        note(groups.error());
        return possible;
    }
    for (uint32_t number = 0; number < groups->size(); ++number) {
        const gram::Group& group = (*groups)[number];
        const auto bits = gram::find_blocks(group, number, keys, [&](uint32_t page) {
            return get(key::file_filter_page(number, page));
        });
        if (!bits) {
            note(bits.error());
        }
        for (uint32_t i = 0; i < group.blocks; ++i) {
            possible.is_possible.push_back(!bits || ((*bits)[i / 64] >> (i % 64) & 1) != 0);
        }
    }
    return possible;
}

Result<BlockHeader> SegmentReader::header(uint32_t block, uint64_t xxh3) const {
    SEYIR_TRY(const std::string bytes, get(key::file_block_header(block)));
    if (XXH3_64bits(bytes.data(), bytes.size()) != xxh3) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("segment {}: the header of block {} fails its checksum", rep_->path, block)
        );
    }
    return decode_block_header(bytes);
}

Result<BlockRows> SegmentReader::read_block(
    uint32_t block,
    const BlockRow& row,
    TenantId tenant,
    BatchDecoder& decoder,
    const RowChoice& choice
) const {
    SEYIR_TRY(const BlockHeader head, header(block, row.xxh3));
    const ColumnEntry* column = head.find(ColumnId::kRows);
    if (column == nullptr) {
        return read_columns(block, head, tenant, choice);
    }
    if (column->codec != ColumnCodec::kBatchPayload) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("segment {}: block {} has no column this version reads", rep_->path, block)
        );
    }
    SEYIR_TRY(
        std::string bytes, get(key::file_column(block, static_cast<uint16_t>(ColumnId::kRows)))
    );
    auto shared = std::make_shared<const std::string>(std::move(bytes));
    SEYIR_TRY(EncodedBatch encoded, encoded_from_bytes(std::move(shared)));
    encoded.xxh3 = column->xxh3;
    SEYIR_TRY(RecordBatchPtr batch, decoder.decode(encoded, tenant));
    return BlockRows{
        .batch = std::move(batch),
        .values = nullptr,
        .read_lines = nullptr,
        .rows_read = head.rows,
        .raw_bytes_read = head.raw_bytes,
    };
}

namespace {

/// Rows of the wanted streams and times; nothing = all of them.
Result<std::optional<std::vector<uint32_t>>> choose_rows(
    const BlockHeader& head, const columns::BlockDecoder& decoder, const RowChoice& choice
) {
    std::vector<bool> wanted;
    bool all_wanted = true;
    for (const StreamLabelsPtr& labels : decoder.streams()) {
        wanted.push_back(!choice.stream_matches || choice.stream_matches(*labels));
        all_wanted = all_wanted && wanted.back();
    }
    if (all_wanted && choice.range.contains(head.min_ts) && choice.range.contains(head.max_ts)) {
        return std::optional<std::vector<uint32_t>>();
    }
    SEYIR_TRY(const std::span<const int64_t> times, decoder.times());
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < head.rows; ++i) {
        const auto stream = static_cast<size_t>(decoder.row_streams()[i]);
        if (wanted[stream] && choice.range.contains({times[i]})) {
            rows.push_back(i);
        }
    }
    return std::optional(std::move(rows));
}

}  // namespace

/// A block of columns while it is read.
struct SegmentReader::OpenBlock {
    OpenBlock(const SegmentReader& file, uint32_t number, BlockHeader header, TenantId tenant)
        : rep(*file.rep_),
          block(number),
          head(std::move(header)),
          at(rep.reader.NewIterator(rocksdb::ReadOptions())),
          decoder({head.rows, head.raw_bytes, tenant}, [this](uint16_t column) {
              return load(column);
          }) {}

    OpenBlock(const OpenBlock&) = delete;
    OpenBlock& operator=(const OpenBlock&) = delete;

    Result<std::string> load(uint16_t number) const {
        const ColumnEntry* column = head.find(static_cast<ColumnId>(number));
        if (column == nullptr) {
            return fail(ErrorCode::kNotFound, fmt::format("the block has no column {}", number));
        }
        const std::string key = key::file_column(block, number);
        const rocksdb::Slice wanted(key.data(), key.size());
        at->Seek(wanted);
        if (!at->status().ok()) {
            return database_error(at->status(), "reading segment " + rep.path);
        }
        const bool is_there = column->codec == ColumnCodec::kColumns && at->Valid() &&
                              at->key() == wanted && at->value().size() == column->stored_bytes;
        if (!is_there || XXH3_64bits(at->value().data(), at->value().size()) != column->xxh3) {
            return fail(ErrorCode::kCorrupt, fmt::format("column {} fails its checksum", number));
        }
        return at->value().ToString();
    }

    Result<BlockRows> read(TenantId tenant, const RowChoice& choice) {
        SEYIR_CHECK(decoder.open());
        SEYIR_TRY(const auto chosen, choose_rows(head, decoder, choice));
        if (chosen && chosen->empty()) {
            return BlockRows{.batch = std::make_shared<RecordBatch>(tenant)};
        }
        const LineWants all;
        SEYIR_TRY(
            auto wanted,
            decoder.rows(
                chosen ? std::optional<std::span<const uint32_t>>(*chosen) : std::nullopt,
                choice.wants ? *choice.wants : all
            )
        );
        rows = std::move(wanted.rows);
        const uint64_t count = chosen ? chosen->size() : head.rows;
        return BlockRows{
            .batch = std::move(wanted.batch),
            .values = std::move(wanted.values),
            .read_lines = nullptr,
            .rows_read = count,
            .raw_bytes_read = chosen ? head.raw_bytes * count / head.rows : head.raw_bytes,
        };
    }

    /// `of_page`: numbers of rows of the page that read() gave.
    Result<RecordBatchPtr> read_lines(std::span<const uint32_t> of_page) {
        std::vector<uint32_t> of_block;
        of_block.reserve(of_page.size());
        for (const uint32_t row : of_page) {
            of_block.push_back(rows[row]);
        }
        SEYIR_TRY(RecordBatchPtr batch, decoder.rows(of_block));
        return batch;
    }

    template <class T>
    Result<T> with_place(Result<T> result) const {
        if (result) {
            return result;
        }
        // A column that is missing is as bad as one that is broken.
        const ErrorCode code =
            result.error().code == ErrorCode::kNotFound ? ErrorCode::kCorrupt : result.error().code;
        return fail(
            code, fmt::format("segment {}, block {}: {}", rep.path, block, result.error().message)
        );
    }

    Rep& rep;
    uint32_t block;
    BlockHeader head;
    std::unique_ptr<rocksdb::Iterator> at;
    columns::BlockDecoder decoder;
    std::vector<uint32_t> rows;
};

Result<BlockRows> SegmentReader::read_columns(
    uint32_t block, const BlockHeader& head, TenantId tenant, const RowChoice& choice
) const {
    const auto open = std::make_shared<OpenBlock>(*this, block, head, tenant);
    auto rows = open->with_place(open->read(tenant, choice));
    if (rows && rows->values != nullptr) {
        rows->read_lines = [open](std::span<const uint32_t> of_page) {
            return open->with_place(open->read_lines(of_page));
        };
    }
    return rows;
}

Result<BlockRow> SegmentReader::block_row(uint32_t block) const {
    SEYIR_TRY(const std::string bytes, get(key::file_block_row(block)));
    return decode_block_row(bytes);
}

Result<SegmentSummary> SegmentReader::summary(Day day, SegmentId id) const {
    SEYIR_TRY(const std::string bytes, get(key::file_summary()));
    return decode_segment(day, id, bytes);
}

Result<StreamLabelsPtr> SegmentReader::labels(StreamId stream) const {
    SEYIR_TRY(const std::string bytes, get(key::file_stream(stream)));
    return decode_labels(bytes);
}

Result<std::shared_ptr<SegmentReader>> SegmentCache::get(Day day, SegmentId id) {
    const Key key{day, id};
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = open_.find(key); at != open_.end()) {
            by_use_.splice(by_use_.begin(), by_use_, at->second.place);
            return at->second.reader;
        }
    }
    SEYIR_TRY(auto reader, SegmentReader::open(files_, day, id));
    const std::lock_guard lock(mutex_);
    if (!open_.contains(key)) {
        by_use_.push_front(key);
        open_[key] = {reader, by_use_.begin()};
        if (open_.size() > open_max_) {
            open_.erase(by_use_.back());
            by_use_.pop_back();
        }
    }
    return reader;
}

void SegmentCache::forget(Day day, const std::vector<SegmentId>& ids) {
    const std::lock_guard lock(mutex_);
    for (const SegmentId id : ids) {
        const auto at = open_.find({day, id});
        if (at != open_.end()) {
            by_use_.erase(at->second.place);
            open_.erase(at);
        }
    }
}

void SegmentCache::clear() {
    const std::lock_guard lock(mutex_);
    open_.clear();
    by_use_.clear();
}

}  // namespace seyir::store

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/segment_writer.hpp"

#include <algorithm>
#include <set>

#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <xxhash.h>

#include "collector/store/disk/database.hpp"
#include "collector/store/format/run_counts.hpp"

namespace seyir::store {
namespace {

constexpr int kFolderTriesMax = 3;

rocksdb::Options file_options(const SegmentFiles& files) {
    rocksdb::Options options;
    if (files.env != nullptr) {
        options.env = files.env.get();
    }
    rocksdb::BlockBasedTableOptions table;
    table.checksum = rocksdb::kXXH3;
    table.format_version = 5;
    // Small, so that a bad sector costs few block headers; columns are greater and stand alone.
    table.block_size = 4 * 1024;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.compression = rocksdb::kNoCompression;
    return options;
}

}  // namespace

struct SegmentWriter::Rep {
    Rep(const SegmentFiles& where, std::string file)
        : files(where),
          path(std::move(file)),
          temporary(path + ".tmp"),
          writer(rocksdb::EnvOptions(), file_options(where), nullptr, false),
          encoder({.codec = PayloadCodec::kZstd, .zstd_level = 1}) {}

    SegmentFiles files;
    std::string path;
    std::string temporary;
    rocksdb::SstFileWriter writer;
    BatchEncoder encoder;
    bool is_open = false;
    bool is_finished = false;
};

SegmentWriter::SegmentWriter(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

SegmentWriter::~SegmentWriter() {
    if (rep_->is_finished) {
        return;
    }
    if (rep_->is_open) {
        rep_->writer.Finish().PermitUncheckedError();
    }
    // What cannot be removed now is removed at the next open.
    (void)rep_->files.fs->remove(rep_->temporary);
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(
    const SegmentFiles& files, TenantId tenant, Day day, SegmentId id
) {
    const std::string path = segment_path(files.path, day, id);
    const std::string folder = io::parent_directory(path);
    SEYIR_CHECK(files.fs->make_directories(folder));
    std::unique_ptr<SegmentWriter> writer(new SegmentWriter(std::make_unique<Rep>(files, path)));
    writer->summary_.tenant = tenant;
    writer->summary_.day = day;
    writer->summary_.id = id;
    auto status = writer->rep_->writer.Open(writer->rep_->temporary);
    for (int again = 0; again < kFolderTriesMax && !status.ok() && !files.fs->stat(folder);
         ++again) {
        // Its last segment was dropped, and the folder with it, after it was made above.
        SEYIR_CHECK(files.fs->make_directories(folder));
        status = writer->rep_->writer.Open(writer->rep_->temporary);
    }
    if (!status.ok()) {
        return database_error(status, "creating segment " + writer->rep_->temporary);
    }
    writer->rep_->is_open = true;
    return writer;
}

Result<void> SegmentWriter::put(std::string_view key, std::string_view value) {
    const auto status = rep_->writer.Put({key.data(), key.size()}, {value.data(), value.size()});
    if (!status.ok()) {
        return database_error(status, "writing segment " + rep_->temporary);
    }
    return {};
}

Result<std::vector<ColumnEntry>> SegmentWriter::put_payload(const BatchView& rows) {
    SEYIR_TRY(const auto encoded, rep_->encoder.encode(rows));
    const auto number = static_cast<uint16_t>(ColumnId::kRows);
    SEYIR_CHECK(put(key::file_column(summary_.blocks, number), *encoded.bytes));
    return std::vector<ColumnEntry>{{
        .id = ColumnId::kRows,
        .codec = ColumnCodec::kBatchPayload,
        .stored_bytes = static_cast<uint32_t>(encoded.bytes->size()),
        .raw_bytes = encoded.raw_bytes,
        .xxh3 = encoded.xxh3,
    }};
}

Result<std::vector<ColumnEntry>> SegmentWriter::put_columns(const columns::EncodedBlock& columns) {
    std::vector<ColumnEntry> entries;
    for (const columns::EncodedColumn& column : columns.columns) {
        SEYIR_CHECK(put(key::file_column(summary_.blocks, column.number), column.bytes));
        entries.push_back({
            .id = static_cast<ColumnId>(column.number),
            .codec = ColumnCodec::kColumns,
            .stored_bytes = static_cast<uint32_t>(column.bytes.size()),
            .raw_bytes = 0,
            .xxh3 = XXH3_64bits(column.bytes.data(), column.bytes.size()),
        });
    }
    return entries;
}

Result<void> SegmentWriter::add_block(
    const BatchView& rows, std::vector<StreamRun> runs, const columns::EncodedBlock* columns
) {
    const RecordBatch& batch = *rows.batch;
    const uint32_t block = summary_.blocks;
    BlockHeader header;
    header.rows = static_cast<uint32_t>(rows.row_count());
    header.raw_bytes = batch.raw_bytes();
    header.min_ts = batch.min_ts();
    header.max_ts = batch.max_ts();
    header.filter = {FilterKind::kGrams, block};
    SEYIR_TRY(header.columns, columns == nullptr ? put_payload(rows) : put_columns(*columns));
    header.runs = std::move(runs);

    BlockRow row{
        .min_ts = header.min_ts,
        .max_ts = header.max_ts,
        .rows = header.rows,
        .raw_bytes = header.raw_bytes,
        .stored_bytes = 0,
    };
    for (const ColumnEntry& column : header.columns) {
        row.stored_bytes += column.stored_bytes;
    }
    for (const StreamRun& run : header.runs) {
        row.streams.push_back(run.stream);
    }
    count_runs(batch, header.runs, row);
    headers_.push_back(encode(header));
    row.xxh3 = XXH3_64bits(headers_.back().data(), headers_.back().size());
    block_rows_.push_back(encode(row));

    summary_.blocks += 1;
    summary_.rows += row.rows;
    summary_.raw_bytes += row.raw_bytes;
    summary_.min_ts = std::min(summary_.min_ts, row.min_ts);
    summary_.max_ts = std::max(summary_.max_ts, row.max_ts);
    std::vector<StreamId> merged;
    std::ranges::set_union(summary_.streams, row.streams, std::back_inserter(merged));
    summary_.streams = std::move(merged);
    return {};
}

Result<void> SegmentWriter::put_filter() {
    const gram::FilterBuilder::Filter filter = filter_.finish();
    SEYIR_CHECK(put(key::file_filter_directory(), gram::encode(filter.groups)));
    for (uint32_t group = 0; group < filter.pages.size(); ++group) {
        for (uint32_t page = 0; page < filter.pages[group].size(); ++page) {
            SEYIR_CHECK(put(key::file_filter_page(group, page), filter.pages[group][page]));
        }
    }
    return {};
}

Result<FinishedSegment> SegmentWriter::finish(const LabelsOf& labels_of) {
    SEYIR_CHECK(put_filter());
    for (uint32_t block = 0; block < summary_.blocks; ++block) {
        SEYIR_CHECK(put(key::file_block_header(block), headers_[block]));
    }
    for (uint32_t block = 0; block < summary_.blocks; ++block) {
        SEYIR_CHECK(put(key::file_block_row(block), block_rows_[block]));
    }
    for (const StreamId stream : summary_.streams) {
        if (const StreamLabelsPtr labels = labels_of(stream)) {
            SEYIR_CHECK(put(key::file_stream(stream), encode_labels(*labels)));
        }
    }
    SEYIR_CHECK(put(key::file_summary(), encode(summary_)));
    // Finish() syncs the file before it closes it.
    rep_->is_open = false;
    rocksdb::ExternalSstFileInfo info;
    const auto status = rep_->writer.Finish(&info);
    if (!status.ok()) {
        return database_error(status, "finishing segment " + rep_->temporary);
    }
    summary_.file_bytes = info.file_size;
    io::FileSystem& fs = *rep_->files.fs;
    SEYIR_CHECK(fs.rename(rep_->temporary, rep_->path));
    rep_->is_finished = true;
    SEYIR_CHECK(fs.sync_directory(io::parent_directory(rep_->path)));
    SEYIR_CHECK(fs.sync_directory(rep_->files.path));
    return FinishedSegment{summary_, std::move(block_rows_)};
}

}  // namespace seyir::store

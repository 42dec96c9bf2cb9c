// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/database.hpp"

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/transaction_log.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_buffer_manager.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"

namespace seyir::store {
namespace {

constexpr std::array<const char*, kFamilies> kFamilyNames = {
    "meta", "lane", "stage", "strm", "cat", "metric"
};
constexpr size_t kBlockCacheBytes = 16 * kMiB;
constexpr int kOpenFilesMax = 256;
constexpr int kStageFilesMax = 10'000;
constexpr uint64_t kDeadStageBytesMax = 256 * kMiB;
/// Each checkpoint leaves a stage file behind; a read asks all of them.
constexpr size_t kFlushedStageFilesMax = 32;

rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}

std::string_view view(const rocksdb::Slice& bytes) {
    return {bytes.data(), bytes.size()};
}

/// RocksDB's own log file would abort the process on a full disk (an assertion in Debian's build of
/// 7.8 after a failed append), so its warnings go to ours instead.
class ForwardingLogger final : public rocksdb::Logger {
  public:
    explicit ForwardingLogger(bool silent)
        : rocksdb::Logger(rocksdb::WARN_LEVEL), silent_(silent) {}

    using rocksdb::Logger::Logv;

    void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
        if (silent_ || level < rocksdb::WARN_LEVEL || level >= rocksdb::HEADER_LEVEL) {
            return;
        }
        char text[512];
        std::vsnprintf(text, sizeof text, format, arguments);
        log::warn("rocksdb", text);
    }

    void Logv(const char*, va_list) override {}

  private:
    const bool silent_;
};

/// Notes background failures; the committer opens the database again once there is space.
class FailureListener final : public rocksdb::EventListener {
  public:
    explicit FailureListener(std::atomic<bool>& failed) : failed_(failed) {}

    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
        failed_ = true;
        log::error("store", "the database stopped writing", {{"error", status->ToString()}});
    }

    // RocksDB's own retry loop would compete with ours.
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery)
        override {
        *auto_recovery = false;
    }

  private:
    std::atomic<bool>& failed_;
};

rocksdb::DBOptions database_options(const DatabaseOptions& options, rocksdb::Env* env) {
    rocksdb::DBOptions db;
    db.env = env;
    db.create_if_missing = true;
    db.create_missing_column_families = true;
    db.max_open_files = kOpenFilesMax;
    db.max_file_opening_threads = 1;
    db.max_background_jobs = 2;
    db.max_total_wal_size = options.wal_bytes_max;
    db.db_write_buffer_size = options.memtable_bytes * 2;
    db.bytes_per_sync = kMiB;
    db.track_and_verify_wals_in_manifest = true;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    db.info_log_level = rocksdb::WARN_LEVEL;
    db.max_manifest_file_size = 16 * kMiB;
    db.skip_stats_update_on_db_open = true;
    db.allow_concurrent_memtable_write = false;
    db.enable_write_thread_adaptive_yield = false;
    db.max_bgerror_resume_count = 0;
    db.info_log = std::make_shared<ForwardingLogger>(options.deterministic);
    return db;
}

rocksdb::ColumnFamilyOptions family_options(
    const DatabaseOptions& options,
    const std::string& name,
    const std::shared_ptr<rocksdb::Cache>& cache
) {
    const bool is_stage = name == "stage";
    rocksdb::BlockBasedTableOptions table;
    table.checksum = rocksdb::kXXH3;
    table.format_version = 5;
    // Rows of samples are a few KiB and much like those before.
    table.block_size = name == "metric" ? 128 * kKiB : 32 * kKiB;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.write_buffer_size = is_stage ? options.memtable_bytes : options.memtable_bytes / 8;
    family.max_write_buffer_number = 3;
    // Payloads are compressed already.
    family.compression = is_stage ? rocksdb::kNoCompression : rocksdb::kZSTD;
    family.level_compaction_dynamic_level_bytes = true;
    family.disable_auto_compactions = options.deterministic;
    if (is_stage) {
        // Staged rows are cut by range soon: compacting them before is wasted, and RocksDB would do
        // so after each released snapshot. compact_stage() does it when they are dead.
        family.disable_auto_compactions = true;
        family.level0_slowdown_writes_trigger = kStageFilesMax;
        family.level0_stop_writes_trigger = kStageFilesMax;
    }
    return family;
}

}  // namespace

Error database_error(const rocksdb::Status& status, std::string_view doing) {
    ErrorCode code = ErrorCode::kIo;
    if (status.IsNoSpace()) {
        code = ErrorCode::kNoSpace;
    } else if (status.IsCorruption()) {
        code = ErrorCode::kCorrupt;
    } else if (status.IsNotFound()) {
        code = ErrorCode::kNotFound;
    }
    return fail(code, fmt::format("{}: {}", doing, status.ToString()));
}

void WriteSet::put(Family family, std::string_view key, std::string_view value) {
    batch_.Put(handles_[static_cast<size_t>(family)], slice(key), slice(value));
    ++operations_;
    bytes_ += key.size() + value.size();
}

void WriteSet::erase(Family family, std::string_view key) {
    batch_.Delete(handles_[static_cast<size_t>(family)], slice(key));
    ++operations_;
}

void WriteSet::erase_range(Family family, std::string_view begin, std::string_view end) {
    batch_.DeleteRange(handles_[static_cast<size_t>(family)], slice(begin), slice(end));
    ++operations_;
}

struct Database::Rep {
    std::atomic<bool> failed = false;
    std::shared_ptr<rocksdb::Env> env;
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> opened;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles{};
    std::string path;

    ~Rep() {
        for (rocksdb::ColumnFamilyHandle* handle : opened) {
            db->DestroyColumnFamilyHandle(handle);
        }
        if (db != nullptr) {
            db->Close().PermitUncheckedError();
        }
    }
};

Database::Database(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

Database::~Database() = default;

namespace {

Error open_error(const rocksdb::Status& status, const std::string& path) {
    const std::string text = status.ToString();
    // What fcntl says of another process's lock, and RocksDB of this one's own.
    if (text.find("Resource temporarily unavailable") != std::string::npos ||
        text.find("lock hold by") != std::string::npos) {
        return fail(
            ErrorCode::kRefused,
            fmt::format("{} is in use by another process: stop that one first ({})", path, text)
        );
    }
    Error error = database_error(status, "opening the database " + path);
    if (text.find("No such file or directory") != std::string::npos) {
        error.code = ErrorCode::kCorrupt;  // its folder is there: a file it needs is not
    }
    return error;
}

}  // namespace

Result<std::shared_ptr<Database>> Database::open(const DatabaseOptions& options) {
    auto rep = std::make_unique<Rep>();
    rep->path = options.path;
    rep->env = options.env;
    rocksdb::DBOptions db =
        database_options(options, rep->env ? rep->env.get() : rocksdb::Env::Default());
    db.listeners.push_back(std::make_shared<FailureListener>(rep->failed));
    const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
    std::vector<std::string> names;
    // Families of later versions are opened too, so that an older program can say so clearly.
    if (!rocksdb::DB::ListColumnFamilies(db, options.path, &names).ok()) {
        names = {"default"};
    }
    for (const char* name : kFamilyNames) {
        if (!options.read_only && std::ranges::find(names, name) == names.end()) {
            names.emplace_back(name);
        }
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
        families.emplace_back(name, family_options(options, name, cache));
    }
    rocksdb::DB* opened = nullptr;
    db.create_if_missing = !options.read_only;
    if (options.read_only) {
        db.max_open_files = -1;  // whoever uses it may remove files meanwhile
    }
    const auto status =
        options.read_only
            ? rocksdb::DB::OpenForReadOnly(db, options.path, families, &rep->opened, &opened)
            : rocksdb::DB::Open(db, options.path, families, &rep->opened, &opened);
    if (!status.ok()) {
        return open_error(status, options.path);
    }
    rep->db.reset(opened);
    for (size_t i = 0; i < kFamilies; ++i) {
        for (rocksdb::ColumnFamilyHandle* handle : rep->opened) {
            if (handle->GetName() == kFamilyNames[i]) {
                rep->handles[i] = handle;
            }
        }
        // One made before there were samples has no place for them; reading finds none.
        const bool may_lack = options.read_only && i == static_cast<size_t>(Family::kMetric);
        if (rep->handles[i] == nullptr && !may_lack) {
            return fail(
                ErrorCode::kCorrupt,
                fmt::format("{} has no column family {}", options.path, kFamilyNames[i])
            );
        }
    }
    return std::shared_ptr<Database>(new Database(std::move(rep)));
}

namespace {

rocksdb::ColumnFamilyMetaData metadata_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    rocksdb::ColumnFamilyMetaData data;
    db.GetColumnFamilyMetaData(family, &data);
    return data;
}

}  // namespace

Result<void> Database::repair(const DatabaseOptions& options) {
    const rocksdb::DBOptions db = database_options(options, rocksdb::Env::Default());
    const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.emplace_back("default", family_options(options, "default", cache));
    for (const char* name : kFamilyNames) {
        families.emplace_back(name, family_options(options, name, cache));
    }
    const auto status = rocksdb::RepairDB(options.path, db, families);
    return status.ok() ? Result<void>() : database_error(status, "repairing " + options.path);
}

WriteSet Database::new_write(size_t reserve_bytes) const {
    return WriteSet(rep_->handles, reserve_bytes);
}

Result<void> Database::write(WriteSet set) {
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto status = rep_->db->Write(options, &set.batch_);
    if (!status.ok()) {
        rep_->failed = true;
        return database_error(status, "writing to the database " + rep_->path);
    }
    return {};
}

Result<std::optional<std::string>> Database::get(
    Family family, std::string_view key, const Snapshot* snapshot
) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot == nullptr ? nullptr : snapshot->raw();
    std::string value;
    auto* handle = rep_->handles[static_cast<size_t>(family)];
    if (handle == nullptr) {
        return std::optional<std::string>();
    }
    const auto status = rep_->db->Get(options, handle, slice(key), &value);
    if (status.IsNotFound()) {
        return std::optional<std::string>();
    }
    if (!status.ok()) {
        return database_error(status, "reading from the database " + rep_->path);
    }
    return std::optional<std::string>(std::move(value));
}

Result<void> Database::scan(
    Family family,
    std::string_view begin,
    std::string_view end,
    const std::function<Result<bool>(std::string_view, std::string_view)>& on_row,
    const Snapshot* snapshot
) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot == nullptr ? nullptr : snapshot->raw();
    const rocksdb::Slice upper = slice(end);
    if (!end.empty()) {
        options.iterate_upper_bound = &upper;
    }
    auto* handle = rep_->handles[static_cast<size_t>(family)];
    if (handle == nullptr) {
        return {};
    }
    const std::unique_ptr<rocksdb::Iterator> rows(rep_->db->NewIterator(options, handle));
    for (rows->Seek(slice(begin)); rows->Valid(); rows->Next()) {
        SEYIR_TRY(const bool more, on_row(view(rows->key()), view(rows->value())));
        if (!more) {
            return {};
        }
    }
    if (!rows->status().ok()) {
        return database_error(rows->status(), "reading the database " + rep_->path);
    }
    return {};
}

Result<void> Database::compact_stage(uint64_t live_bytes) {
    auto* stage = rep_->handles[static_cast<size_t>(Family::kStage)];
    const uint64_t file_bytes = metadata_of(*rep_->db, stage).size;
    if (file_bytes < kDeadStageBytesMax || file_bytes / 4 < live_bytes) {
        return {};
    }
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    const auto status = rep_->db->CompactRange(options, stage, nullptr, nullptr);
    if (!status.ok()) {
        return database_error(status, "compacting the stage of " + rep_->path);
    }
    return {};
}

Result<bool> Database::trim_log(uint64_t log_bytes_min, uint64_t live_bytes) {
    rocksdb::VectorLogPtr files;
    const auto status = rep_->db->GetSortedWalFiles(files);
    if (!status.ok()) {
        return database_error(status, "listing the logs of " + rep_->path);
    }
    uint64_t log_bytes = 0;
    for (const auto& file : files) {
        log_bytes += file->SizeFileBytes();
    }
    if (log_bytes < log_bytes_min || log_bytes / 4 < live_bytes) {
        return false;
    }
    SEYIR_CHECK(flush());
    return true;
}

bool Database::is_failed() const {
    return rep_->failed;
}

Result<void> Database::flush() {
    const std::vector<rocksdb::ColumnFamilyHandle*> all(rep_->handles.begin(), rep_->handles.end());
    const auto status = rep_->db->Flush(rocksdb::FlushOptions(), all);
    if (!status.ok()) {
        return database_error(status, "flushing the database " + rep_->path);
    }
    return {};
}

Result<void> Database::join_stage_files() {
    auto* stage = rep_->handles[static_cast<size_t>(Family::kStage)];
    if (metadata_of(*rep_->db, stage).file_count <= kFlushedStageFilesMax) {
        return {};
    }
    rocksdb::CompactRangeOptions compact;
    compact.exclusive_manual_compaction = false;
    const auto status = rep_->db->CompactRange(compact, stage, nullptr, nullptr);
    return status.ok() ? Result<void>()
                       : database_error(status, "compacting the stage of " + rep_->path);
}

Result<void> Database::checkpoint(const std::string& path) {
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(rep_->db.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) {
        status = checkpoint->CreateCheckpoint(path);
    }
    if (!status.ok()) {
        return database_error(status, "copying the database " + rep_->path);
    }
    return {};
}

Snapshot::Snapshot(std::shared_ptr<Database> database)
    : database_(std::move(database)), snapshot_(database_->rep_->db->GetSnapshot()) {}

Snapshot::~Snapshot() {
    database_->rep_->db->ReleaseSnapshot(snapshot_);
}

}  // namespace seyir::store

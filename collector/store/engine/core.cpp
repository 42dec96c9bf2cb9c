// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/core.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "collector/store/disk/rocksdb_file_system.hpp"
#include "collector/store/disk/table_check.hpp"
#include "collector/store/engine/log_guard.hpp"
#include "collector/store/format/data_format.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr uint64_t kFormatMinor = 0;

std::shared_ptr<rocksdb::Env> env_for(const RocksStoreOptions& options) {
    if (options.fs == nullptr) {
        return nullptr;
    }
    return make_rocksdb_env(*options.fs);
}

uint64_t mark(
    const std::optional<uint64_t>& fixed, uint64_t total, uint64_t percent, uint64_t floor
) {
    // On a disk of a few GiB the floor alone would leave nothing to use.
    const uint64_t most = total == 0 ? floor : total / 100 * percent * 10;
    return fixed.value_or(std::min(std::max(total / 100 * percent, floor), most));
}

}  // namespace

Counters::Counters(metrics::Registry& r)
    : groups(r.counter("seyir_store_writes_total", "Synced writes.")),
      rows(r.counter("seyir_store_rows_total", "Rows stored.")),
      metric_samples(
          r.counter("seyir_store_metric_samples_total", "Samples of host metrics stored.")
      ),
      duplicates(r.counter("seyir_store_duplicate_rows_total", "Rows that were stored before.")),
      rejected_old(r.counter(
          "seyir_store_rejected_rows_total", "Rows refused for good.", {{"reason", "too_old"}}
      )),
      rejected_streams(r.counter(
          "seyir_store_rejected_rows_total", "Rows refused for good.", {{"reason", "stream_limit"}}
      )),
      failed_writes(r.counter("seyir_store_failed_writes_total", "Writes the disk refused.")),
      sealed_rows(r.counter("seyir_store_sealed_rows_total", "Rows moved into segments.")),
      sealed_segments(r.counter("seyir_store_sealed_segments_total", "Segments written.")),
      expired_rows(
          r.counter("seyir_store_expired_rows_total", "Rows dropped because retention ended.")
      ),
      corrupt_blocks(
          r.counter("seyir_store_corrupt_blocks_total", "Reads of blocks that failed a check.")
      ),
      payload_blocks(r.counter(
          "seyir_store_payload_blocks_total",
          "Blocks sealed as one payload because their columns did not read back the same."
      )),
      damaged_filters(r.counter(
          "seyir_store_damaged_filters_total",
          "Segments read whole by a query because their filter failed a check."
      )),
      stage_bytes(r.gauge("seyir_store_stage_bytes", "Payload staged and not sealed.")),
      write_seconds(r.histogram(
          "seyir_store_write_seconds", "Duration of synced writes.", metrics::latency_buckets()
      )) {}

Core::Core(RocksStoreOptions given)
    : options(std::move(given)),
      fs(options.fs != nullptr ? *options.fs : io::posix_file_system()),
      clock(options.clock != nullptr ? *options.clock : io::system_clock()),
      files{&fs, env_for(options), options.data_dir + "/segments"},
      streams(options.streams_max),
      catalogue(fs, files.path),
      segments(files, options.open_segments_max),
      counters(options.metrics != nullptr ? *options.metrics : own_registry) {}

namespace {

/// A database that is gone while its files are there must not begin anew: the start would remove
/// every segment as one that nothing names.
Result<void> check_not_lost(io::FileSystem& fs, const std::string& dir) {
    if (fs.stat(dir + "/db/CURRENT")) {
        return {};
    }
    const auto has = [&](const std::string& folder, auto&& is_ours) {
        const auto names = fs.list(folder);
        return names && std::ranges::any_of(*names, is_ours);
    };
    if (has(dir + "/db", [](const std::string& name) { return name.ends_with(".sst"); }) ||
        has(dir + "/segments",
            [](const std::string& name) { return day_from_folder(name).has_value(); })) {
        return fail(
            ErrorCode::kCorrupt, dir + "/db/CURRENT is missing, though there are stored records"
        );
    }
    return {};
}

}  // namespace

Result<void> Core::load() {
    const std::string& dir = options.data_dir;
    if (!options.is_being_restored && fs.stat(dir + "/" + std::string(kRestoreMark))) {
        return fail(
            ErrorCode::kRefused,
            fmt::format(
                "{0} is a restore that did not end: go on with it (seyir restore FOLDER --to {0})",
                dir
            )
        );
    }
    SEYIR_CHECK(check_not_lost(fs, dir));
    const std::string hint = "check that data_dir exists and is writable by this user";
    for (const std::string& path : {dir, dir + "/db", files.path}) {
        auto made = fs.make_directories(path);
        if (made) {
            made = fs.sync_directory(io::parent_directory(path));
            if (!made && path == dir) {
                // Not ours, perhaps not readable: the directory is there, only a power cut within
                // the next seconds could lose it.
                log::warn(
                    "store", "cannot sync the folder of data_dir", {{"error", made.error().message}}
                );
                made = Result<void>();
            }
        }
        if (!made) {
            return Error(made.error()).context("preparing data_dir " + dir + " (" + hint + ")");
        }
    }
    std::shared_ptr<Database> opened;
    if (auto done = open_guarded(opened); !done) {
        const bool is_ours = done.error().code != ErrorCode::kRefused;  // else it is in use
        return Error(done.error())
            .context("opening data_dir " + dir + (is_ours ? " (" + hint + ")" : ""));
    }
    Database& db = *opened;
    SEYIR_CHECK(load_streams(db));
    SEYIR_TRY(StageIndex loaded, load_stage(db));
    SEYIR_CHECK(catalogue.load(db));
    const std::lock_guard lock(view_mutex);
    stage = std::move(loaded);
    database = std::move(opened);
    counters.stage_bytes.set(static_cast<double>(stage.payload_bytes()));
    return {};
}

/// Opens the database and reads its numbers. What its log has lost makes agents send again: to them
/// it is as if the store had been put back from a backup.
Result<void> Core::open_guarded(std::shared_ptr<Database>& opened) {
    // What the old logs hold is written out while the database opens.
    const UnixNanos begun = clock.wall_now();
    LogGuard guard(fs, clock, options.data_dir);
    SEYIR_TRY(const bool is_behind, guard.look());
    HiddenTables hidden(fs, options.data_dir + "/db");
    SEYIR_CHECK(hidden.hide());
    auto database_now = Database::open({
        .path = options.data_dir + "/db",
        .env = files.env,
        .memtable_bytes = options.memtable_bytes,
        .wal_bytes_max = options.wal_bytes_max,
        .deterministic = !options.threads,
    });
    if (!database_now) {
        const bool is_damaged = !hidden.first().empty();
        return is_damaged ? fail(ErrorCode::kCorrupt, hidden.first()) : database_now.error();
    }
    hidden.forget();
    opened = *std::move(database_now);
    SEYIR_CHECK(load_meta(*opened));
    if (is_behind) {
        WriteSet set = opened->new_write();
        set.put(Family::kMeta, key::kRestoreGeneration, encode_u64(restore_generation + 1));
        SEYIR_CHECK(opened->write(std::move(set)));
        ++restore_generation;
    }
    SEYIR_CHECK(guard.remember(false, begun));
    log_since = begun;
    return read_lost_logs();
}

Result<void> Core::read_lost_logs() {
    LogGuard guard(fs, clock, options.data_dir);
    SEYIR_TRY(auto lost, guard.lost());
    const std::lock_guard lock(trouble_mutex);
    lost_logs = std::move(lost);
    return {};
}

Result<void> Core::look_for_deleted_notes() {
    {
        const std::lock_guard lock(trouble_mutex);
        if (lost_logs.empty()) {
            return {};
        }
    }
    return read_lost_logs();
}

void Core::close() {
    std::weak_ptr<Database> last;
    {
        const std::lock_guard lock(view_mutex);
        last = database;
        database = nullptr;
    }
    // A cursor may keep it open; then the next open takes it for one that was not closed.
    if (last.expired()) {
        LogGuard guard(fs, clock, options.data_dir);
        (void)guard.remember(true, log_since);
    }
}

Result<void> Core::create_meta(Database& db) {
    store_id = StoreId::random();
    WriteSet set = db.new_write();
    // Nothing of earlier days was staged here: old rows that are sent in do not end a day.
    const auto today = static_cast<uint64_t>(int64_t{day_of(clock.wall_now()).number});
    set.put(Family::kMeta, key::kSealedDay, encode_u64(today));
    set.put(Family::kMeta, key::kFormat, encode_u64(kFormatMajor) + encode_u64(kFormatMinor));
    set.put(Family::kMeta, key::kStoreId, encode_u64(store_id.hi) + encode_u64(store_id.lo));
    return db.write(std::move(set));
}

namespace {

Result<uint64_t> meta_number(Database& db, std::string_view key, uint64_t absent) {
    SEYIR_TRY(const auto bytes, db.get(Family::kMeta, key));
    return bytes ? decode_u64(*bytes) : Result<uint64_t>(absent);
}

}  // namespace

Result<void> Core::load_meta(Database& db) {
    SEYIR_TRY(const auto format, db.get(Family::kMeta, key::kFormat));
    if (!format) {
        SEYIR_CHECK(create_meta(db));
    } else {
        SEYIR_CHECK(check_data_format(*format, options.data_dir));
        SEYIR_TRY(const auto id, db.get(Family::kMeta, key::kStoreId));
        if (!id || id->size() != 16) {
            return fail(ErrorCode::kCorrupt, options.data_dir + ": the store's id is missing");
        }
        SEYIR_TRY(store_id.hi, decode_u64(std::string_view(*id).substr(0, 8)));
        SEYIR_TRY(store_id.lo, decode_u64(std::string_view(*id).substr(8)));
    }
    SEYIR_TRY(const uint64_t generation, meta_number(db, key::kRestoreGeneration, 0));
    SEYIR_TRY(const uint64_t commit, meta_number(db, key::kNextCommit, 1));
    SEYIR_TRY(const uint64_t segment, meta_number(db, key::kNextSegment, 1));
    SEYIR_TRY(
        const uint64_t sealed,
        meta_number(db, key::kSealedDay, static_cast<uint64_t>(int64_t{INT32_MIN}))
    );
    SEYIR_TRY(
        const uint64_t kept_from,
        meta_number(db, key::kRetentionFloor, static_cast<uint64_t>(UnixNanos::min().value))
    );
    SEYIR_TRY(const uint64_t stepped, meta_number(db, key::kClockStepped, 0));
    if (stepped != 0) {
        is_clock_stepped = true;
    }
    restore_generation = static_cast<uint32_t>(generation);
    next_commit = std::max(next_commit, commit);
    next_segment = std::max(next_segment.load(), segment);
    sealed_day = static_cast<int32_t>(sealed);
    const std::lock_guard lock(view_mutex);
    floor = {static_cast<int64_t>(kept_from)};
    return {};
}

Result<void> Core::load_streams(Database& db) {
    return db.scan(
        Family::kStream,
        "",
        "",
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            const auto parsed = key::parse_stream(bytes);
            if (!parsed) {
                return true;  // another kind of row, of a later version
            }
            SEYIR_TRY(auto labels, decode_labels(value));
            streams.load(parsed->tenant, parsed->id, std::move(labels));
            return true;
        }
    );
}

Result<StageIndex> Core::load_stage(Database& db) {
    StageIndex loaded;
    const std::string begin = key::stage_entry(0);
    SEYIR_CHECK(db.scan(
        Family::kStage,
        begin,
        key::stage_entry(UINT64_MAX),
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            CommitNumber number = 0;
            for (const char c : bytes.substr(1)) {
                number = (number << 8) | static_cast<uint8_t>(c);
            }
            SEYIR_TRY(auto entry, decode_stage_entry(number, value));
            next_commit = std::max(next_commit, number + 1);
            loaded.append(std::move(entry));
            return true;
        }
    ));
    return loaded;
}

Result<std::shared_ptr<Database>> Core::open_database() const {
    const std::lock_guard lock(view_mutex);
    if (database == nullptr) {
        return fail(ErrorCode::kIo, "the database is being opened again after a failure");
    }
    return database;
}

Result<View> Core::view() const {
    const std::lock_guard lock(view_mutex);
    if (database == nullptr) {
        return fail(ErrorCode::kIo, "the database is being opened again after a failure");
    }
    return View{
        std::make_shared<const Snapshot>(database), stage.snapshot(), catalogue.view(), floor
    };
}

Result<RecordBatchPtr> Core::read_stage(
    const Snapshot& snapshot, const StageEntry& entry, BatchDecoder& decoder
) const {
    const std::string at = key::stage_payload(entry.number);
    SEYIR_TRY(auto bytes, snapshot.database().get(Family::kStage, at, &snapshot));
    if (!bytes) {
        return fail(
            ErrorCode::kCorrupt, fmt::format("staged batch {} has no payload", entry.number)
        );
    }
    auto shared = std::make_shared<const std::string>(std::move(*bytes));
    SEYIR_TRY(EncodedBatch encoded, encoded_from_bytes(std::move(shared)));
    encoded.xxh3 = entry.xxh3;
    auto batch = decoder.decode(encoded, entry.tenant);
    if (!batch) {
        return Error(batch.error()).context(fmt::format("staged batch {}", entry.number));
    }
    return RecordBatchPtr(std::move(*batch));
}

DiskRoom Core::disk_room() const {
    DiskRoom room;
    const auto free = fs.free_bytes(options.data_dir);
    if (!free) {
        return room;  // the write itself will say what is wrong
    }
    const uint64_t total = fs.total_bytes(options.data_dir).value_or(0);
    room.free_bytes = *free;
    room.hard_bytes = mark(options.hard_free_bytes, total, 2, 512 * kMiB);
    room.soft_bytes = mark(options.soft_free_bytes, total, 5, 2 * kGiB);
    if (room.free_bytes < room.hard_bytes) {
        room.state = DiskState::kHardMark;
    } else if (room.free_bytes < room.soft_bytes) {
        room.state = DiskState::kSoftMark;
    }
    return room;
}

std::string Core::no_room_text(const DiskRoom& room) const {
    return fmt::format(
        "the disk of {} has {} free, below its hard mark of {}: nothing is stored until space is "
        "freed there, or `retention`, `max_size` or `min_free.hard` of the store is lowered",
        options.data_dir,
        format_bytes(room.free_bytes),
        format_bytes(room.hard_bytes)
    );
}

Result<void> Core::remove_orphans() const {
    SEYIR_TRY(const View now, view());
    SEYIR_TRY(const auto folders, fs.list(files.path));
    for (const std::string& folder : folders) {
        const auto day = day_from_folder(folder);
        if (!day) {
            continue;  // not ours
        }
        std::set<SegmentId> known;
        if (const auto state = now.catalogue->find(*day); state != now.catalogue->end()) {
            const std::string prefix = key::segment_prefix(*day);
            SEYIR_CHECK(now.snapshot->database().scan(
                Family::kCatalogue,
                prefix,
                key::prefix_end(prefix),
                [&](std::string_view bytes, std::string_view) -> Result<bool> {
                    known.insert(key::parse_segment(bytes).value_or(0));
                    return true;
                },
                now.snapshot.get()
            ));
        }
        const std::string path = files.path + "/" + folder;
        SEYIR_TRY(const auto names, fs.list(path));
        size_t left = names.size();
        for (const std::string& name : names) {
            const auto id = segment_id_from_name(name);
            const bool is_ours = id || name.ends_with(".sst.tmp");
            if (!is_ours || (id && known.contains(*id))) {
                continue;
            }
            log::warn(
                "store", "removing a file no catalogue row names", {{"file", path + "/" + name}}
            );
            SEYIR_CHECK(fs.remove(path + "/" + name));
            --left;
        }
        if (left == 0) {
            SEYIR_CHECK(fs.remove_directory(path));
        }
    }
    return {};
}

Result<void> Core::remember_log(UnixNanos since) {
    // The log that the flush began must be there after a power cut, before it is asked for.
    SEYIR_CHECK(fs.sync_directory(options.data_dir + "/db"));
    LogGuard guard(fs, clock, options.data_dir);
    SEYIR_CHECK(guard.remember(false, since));
    log_since = since;
    return {};
}

void Core::add_missing(TimeRange asked, CursorStats& stats) const {
    const std::lock_guard lock(trouble_mutex);
    for (const LostLog& lost : lost_logs) {
        // Only when they came is known. Their own times are as old as what an agent catches up on,
        // and later than that by no more than a wrong clock or time zone makes them.
        const UnixNanos end = lost.partial_until();
        if (asked.begin < asked.end && asked.begin < end) {
            ++stats.blocks_corrupt;
            ++stats.logs_lost;
            const UnixNanos last{std::min(end, asked.end).value - 1};
            stats.corrupt.begin = std::min(stats.corrupt.begin, asked.begin);
            stats.corrupt.end = std::max(stats.corrupt.end, last);
            stats.lost_arrivals.begin = std::min(stats.lost_arrivals.begin, lost.came.begin);
            stats.lost_arrivals.end = std::max(stats.lost_arrivals.end, lost.came.end);
        }
    }
}

void Core::set_trouble(std::string message) {
    const std::lock_guard lock(trouble_mutex);
    trouble = std::move(message);
}

}  // namespace seyir::store

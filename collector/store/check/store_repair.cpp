// SPDX-License-Identifier: Apache-2.0
#include "collector/store/check/store_repair.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "collector/store/check/metric_check.hpp"
#include "collector/store/disk/database.hpp"
#include "collector/store/disk/segment_reader.hpp"
#include "collector/store/format/dropped_keys.hpp"

namespace seyir::store {
namespace {

constexpr size_t kCopyBytes = kMiB;

DatabaseOptions database_options(const std::string& data_dir) {
    return {
        .path = data_dir + "/db",
        .env = nullptr,
        .memtable_bytes = 64 * kMiB,
        .wal_bytes_max = 256 * kMiB,
        .deterministic = true,
    };
}

Result<void> copy(io::FileSystem& fs, const std::string& from, const std::string& to) {
    SEYIR_TRY(const auto in, fs.open(from, io::OpenMode::kRead));
    SEYIR_TRY(const auto out, fs.open(to, io::OpenMode::kWriteTruncate));
    std::string piece(kCopyBytes, '\0');
    for (uint64_t at = 0;;) {
        SEYIR_TRY(const size_t got, in->read_at(at, {piece.data(), piece.size()}));
        if (got == 0) {
            break;
        }
        SEYIR_CHECK(out->append({piece.data(), got}));
        at += got;
    }
    SEYIR_CHECK(out->sync());
    return out->close();
}

class Repairer {
  public:
    Repairer(
        io::FileSystem& fs,
        const std::string& data_dir,
        UnixNanos now,
        const FindReplacement& find_replacement
    )
        : fs_(fs),
          data_dir_(data_dir),
          files_{&fs, nullptr, data_dir + "/segments"},
          now_(now),
          find_replacement_(find_replacement) {}

    Result<RepairReport> run() {
        if (const auto user = user_of(data_dir_)) {
            return fail(
                ErrorCode::kConflict,
                fmt::format("{} is in use by process {}: stop it first", data_dir_, *user)
            );
        }
        auto done = mend();
        if (!done) {
            database_.reset();
            // Over a database that is not the one it was, put back files would be no one's.
            if (report_.database_aside.empty() || put_back_database()) {
                put_back_files();
            }
        }
        return done;
    }

  private:
    Result<RepairReport> mend() {
        auto found = check_data_dir(fs_, data_dir_);
        if (!found && found.error().code == ErrorCode::kUnsupported) {
            return found.error();
        }
        const auto bad_files = check_database_files(fs_, data_dir_);
        if (!found || !bad_files.empty()) {
            SEYIR_CHECK(mend_database());
            found = check_data_dir(fs_, data_dir_);
            if (!found) {
                const bool is_newer = found.error().code == ErrorCode::kUnsupported;
                return is_newer ? found.error() : too_little(found.error().message);
            }
        }
        SEYIR_TRY(database_, Database::open(database_options(data_dir_)));
        SEYIR_CHECK(check_meta());
        if (report_.is_database_mended) {
            SEYIR_CHECK(take_in_orphans(found->orphans));
        }
        std::map<std::string, std::vector<Damage>> by_file;
        for (const Damage& damage : found->damages) {
            by_file[damage.file].push_back(damage);
        }
        for (const auto& [file, damages] : by_file) {
            SEYIR_CHECK(mend_segment(found->store_id, file, damages));
        }
        SEYIR_CHECK(drop_bad_batches());
        SEYIR_CHECK(drop_bad_metrics());
        SEYIR_CHECK(write_totals());
        if (report_.is_database_mended) {
            SEYIR_CHECK(raise_generation());
        }
        SEYIR_CHECK(database_->flush());
        database_.reset();
        SEYIR_TRY(report_.after, check_data_dir(fs_, data_dir_));
        return std::move(report_);
    }

    /// A database that lost what it held must not be what the next start finds.
    bool put_back_database() {
        const std::string db = data_dir_ + "/db";
        if (!fs_.rename(db, fmt::format("{}/db.not-mended-{}", data_dir_, now_.value))) {
            return false;
        }
        const auto back = fs_.rename(report_.database_aside, db);
        (void)fs_.sync_directory(data_dir_);
        return back.has_value();
    }

    /// Files taken out of a catalogue that names them: the next repair is to find them in place.
    void put_back_files() {
        for (auto move = moved_.rbegin(); move != moved_.rend(); ++move) {
            if (!fs_.stat(move->from)) {
                (void)fs_.rename(move->to, move->from);
                (void)fs_.sync_directory(io::parent_directory(move->from));
            }
        }
    }

    /// What was moved is not in the catalogue any more. A mended one counts only at the end.
    void settle_moves() {
        if (!report_.is_database_mended) {
            moved_.clear();
        }
    }

    static Error too_little(std::string_view why) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format(
                "too little is left of the database ({}): restore a backup (seyir restore)", why
            )
        );
    }

    /// Copies, not links: RocksDB appends to some of its files.
    Result<void> mend_database() {
        const std::string aside = fmt::format("{}/db.damaged-{}", data_dir_, now_.value);
        SEYIR_CHECK(fs_.make_directories(aside));
        SEYIR_TRY(const auto names, fs_.list(data_dir_ + "/db"));
        for (const std::string& name : names) {
            const auto info = fs_.stat(data_dir_ + "/db/" + name);
            if (info && info->is_regular) {
                SEYIR_CHECK(copy(fs_, data_dir_ + "/db/" + name, aside + "/" + name));
            }
        }
        SEYIR_CHECK(fs_.sync_directory(aside));
        report_.database_aside = aside;  // whole: from here on it can be put back
        if (!point_at_manifest()) {
            SEYIR_CHECK(Database::repair(database_options(data_dir_)));
        }
        report_.is_database_mended = true;
        report_.done.push_back("mended the database; as it was it is in " + report_.database_aside);
        return {};
    }

    /// When only CURRENT is lost: the newest manifest is the one it named. True if that was all.
    bool point_at_manifest() {
        const auto names = fs_.list(data_dir_ + "/db");
        std::string newest;
        for (const std::string& name : names ? *names : std::vector<std::string>{}) {
            const bool is_manifest = name.starts_with("MANIFEST-");
            newest = is_manifest ? std::max(newest, name) : newest;
        }
        const std::string current = data_dir_ + "/db/CURRENT";
        const bool is_written =
            !newest.empty() && io::write_file_atomically(fs_, current, newest + "\n").has_value();
        return is_written && check_database_files(fs_, data_dir_).empty() &&
               check_data_dir(fs_, data_dir_).has_value();
    }

    Result<void> check_meta() {
        SEYIR_TRY(const auto id, database_->get(Family::kMeta, key::kStoreId));
        SEYIR_TRY(const auto segment, database_->get(Family::kMeta, key::kNextSegment));
        SEYIR_TRY(const auto floor, database_->get(Family::kMeta, key::kRetentionFloor));
        if (!id) {
            return too_little("not even the store's id");
        }
        if (segment) {
            SEYIR_TRY(next_segment_, decode_u64(*segment));
        }
        if (floor) {
            SEYIR_TRY(const uint64_t value, decode_u64(*floor));
            floor_ = {static_cast<int64_t>(value)};
        }
        return read_dropped();
    }

    Result<void> read_dropped() {
        const std::string prefix = key::dropped_prefix();
        return database_->scan(
            Family::kMeta,
            prefix,
            key::prefix_end(prefix),
            [&](std::string_view bytes, std::string_view) -> Result<bool> {
                if (const auto one = key::parse_dropped(bytes)) {
                    dropped_.insert(*one);
                }
                return true;
            }
        );
    }

    Result<void> move_aside(const std::string& file) {
        const std::string to = data_dir_ + "/quarantine/" + file.substr(file.find('/') + 1);
        const std::string parent = io::parent_directory(to);
        SEYIR_CHECK(fs_.make_directories(parent));
        if (!fs_.stat(data_dir_ + "/" + file)) {
            return {};  // missing is what is wrong with it
        }
        SEYIR_CHECK(fs_.rename(data_dir_ + "/" + file, to));
        moved_.push_back({data_dir_ + "/" + file, to});
        SEYIR_CHECK(fs_.sync_directory(parent));
        return fs_.sync_directory(io::parent_directory(data_dir_ + "/" + file));
    }

    /// Files the mended catalogue lost. One that was in it before has a number below the next one;
    /// the rows of any other are still staged.
    Result<void> take_in_orphans(const std::vector<std::string>& orphans) {
        for (const std::string& file : orphans) {
            const size_t slash = file.rfind('/');
            const size_t before = file.rfind('/', slash - 1);
            const auto day = day_from_folder(file.substr(before + 1, slash - before - 1));
            const auto id = segment_id_from_name(file.substr(slash + 1));
            const bool was_named = day && id && *id < next_segment_ && day->end() > floor_;
            const bool was_dropped = was_named && dropped_.contains({.day = *day, .id = *id});
            Result<void> taken = fail(
                ErrorCode::kNotFound,
                was_dropped ? "it was dropped for its age or size" : "not in it before"
            );
            if (was_named && !was_dropped) {
                taken = take_in(*day, *id);
            }
            if (taken) {
                report_.done.push_back("took " + file + " into the catalogue again");
            } else {
                SEYIR_CHECK(move_aside(file));
                report_.done.push_back(fmt::format("put {} aside: {}", file, taken.error().message)
                );
            }
        }
        return {};
    }

    Result<void> take_in(Day day, SegmentId id) {
        SEYIR_TRY(const auto reader, SegmentReader::open(files_, day, id));
        SEYIR_TRY(SegmentSummary summary, reader->summary(day, id));
        SEYIR_TRY(const auto info, fs_.stat(segment_path(files_.path, day, id)));
        summary.file_bytes = info.size_bytes;
        WriteSet set = database_->new_write();
        for (uint32_t block = 0; block < summary.blocks; ++block) {
            SEYIR_TRY(const BlockRow row, reader->block_row(block));
            set.put(Family::kCatalogue, key::block(day, id, block), encode(row));
        }
        for (const StreamId stream : summary.streams) {
            SEYIR_TRY(const StreamLabelsPtr labels, reader->labels(stream));
            set.put(Family::kStream, key::stream(summary.tenant, stream), encode_labels(*labels));
        }
        set.put(Family::kCatalogue, key::segment(day, id), encode(summary));
        set.put(Family::kCatalogue, key::day_totals(day), encode(DayTotals{}));  // see write_totals
        return database_->write(std::move(set));
    }

    Result<void> mend_segment(
        const StoreId& store, const std::string& file, const std::vector<Damage>& damages
    ) {
        const std::string other = find_replacement_ ? find_replacement_(store, file) : "";
        if (!other.empty()) {
            const std::string path = data_dir_ + "/" + file;
            SEYIR_CHECK(copy(fs_, other, path + ".tmp"));
            SEYIR_CHECK(move_aside(file));
            SEYIR_CHECK(fs_.rename(path + ".tmp", path));
            // The one in its place is as good for any catalogue.
            std::erase_if(moved_, [&](const Move& move) { return move.from == path; });
            SEYIR_CHECK(fs_.sync_directory(io::parent_directory(path)));
            report_.replaced.push_back(file);
            report_.done.push_back("replaced " + file + " by the backup's");
            return {};
        }
        const Damage& first = damages.front();
        const std::string at = key::segment(first.day, first.segment);
        WriteSet set = database_->new_write();
        uint64_t rows = 0;
        if (!first.block) {
            rows = first.rows;
            const std::string blocks = key::block_prefix(first.day, first.segment);
            set.erase(Family::kCatalogue, at);
            set.erase_range(Family::kCatalogue, blocks, key::prefix_end(blocks));
            SEYIR_CHECK(move_aside(file));
            report_.done.push_back(fmt::format("put {} aside with its {} records", file, first.rows)
            );
        } else {
            SEYIR_TRY(const auto bytes, database_->get(Family::kCatalogue, at));
            if (!bytes) {
                return fail(ErrorCode::kCorrupt, file + " is not in the catalogue any more");
            }
            SEYIR_TRY(auto summary, decode_segment(first.day, first.segment, *bytes));
            for (const Damage& damage : damages) {
                // Blocks have numbers: an empty one stays in its place.
                set.put(
                    Family::kCatalogue,
                    key::block(damage.day, damage.segment, *damage.block),
                    encode(BlockRow{})
                );
                summary.rows -= std::min(summary.rows, damage.rows);
                summary.raw_bytes -= std::min(summary.raw_bytes, damage.raw_bytes);
                rows += damage.rows;
            }
            set.put(Family::kCatalogue, at, encode(summary));
            report_.done.push_back(fmt::format(
                "took {} blocks of {} with {} records out of the catalogue",
                damages.size(),
                file,
                rows
            ));
        }
        report_.rows_lost += rows;
        SEYIR_CHECK(database_->write(std::move(set)));
        settle_moves();
        return {};
    }

    /// Staged batches that cannot be unpacked.
    Result<void> drop_bad_batches() {
        SEYIR_TRY(const auto bad, find_bad_batches(*database_));
        WriteSet set = database_->new_write();
        for (const BadBatch& batch : bad) {
            set.erase(Family::kStage, key::stage_entry(batch.number));
            set.erase(Family::kStage, key::stage_payload(batch.number));
            report_.rows_lost += batch.rows;
            report_.done.push_back(
                fmt::format("took staged batch {} with {} records out", batch.number, batch.rows)
            );
        }
        return bad.empty() ? Result<void>() : database_->write(std::move(set));
    }

    /// Metric rows that cannot be read, a bounded write at a time.
    Result<void> drop_bad_metrics() {
        constexpr size_t kKeysMax = 1000;
        WriteSet set = database_->new_write();
        size_t keys = 0;
        SEYIR_TRY(
            const MetricCheck found,
            check_metrics(
                *database_,
                [&](std::string_view key) -> Result<bool> {
                    set.erase(Family::kMetric, std::string(key));
                    if (++keys % kKeysMax == 0) {
                        SEYIR_CHECK(database_->write(std::move(set)));
                        set = database_->new_write();
                    }
                    return true;
                }
            )
        );
        if (found.bad > 0) {
            report_.done.push_back(
                fmt::format("took {} damaged rows of metric samples out", found.bad)
            );
        }
        return set.empty() ? Result<void>() : database_->write(std::move(set));
    }

    /// Sums of each day, from the rows of its segments.
    Result<void> write_totals() {
        std::map<Day, DayTotals> totals;
        WriteSet set = database_->new_write();
        SEYIR_CHECK(database_->scan(
            Family::kCatalogue,
            "d",
            "e",
            [&](std::string_view bytes, std::string_view) -> Result<bool> {
                if (const auto day = key::parse_day_totals(bytes)) {
                    totals[*day];
                }
                return true;
            }
        ));
        for (auto& [day, sum] : totals) {
            const std::string prefix = key::segment_prefix(day);
            SEYIR_CHECK(database_->scan(
                Family::kCatalogue,
                prefix,
                key::prefix_end(prefix),
                [&, at = day, into = &sum](std::string_view bytes, std::string_view value)
                    -> Result<bool> {
                    const auto id = key::parse_segment(bytes);
                    if (!id) {
                        return true;
                    }
                    SEYIR_TRY(const auto summary, decode_segment(at, *id, value));
                    add(*into, summary);
                    return true;
                }
            ));
            if (sum.segments == 0) {
                set.erase(Family::kCatalogue, key::day_totals(day));
            } else {
                set.put(Family::kCatalogue, key::day_totals(day), encode(sum));
            }
        }
        return set.empty() ? Result<void>() : database_->write(std::move(set));
    }

    /// Acknowledged rows may be gone with the database's log: agents are told to look again.
    Result<void> raise_generation() {
        SEYIR_TRY(const auto bytes, database_->get(Family::kMeta, key::kRestoreGeneration));
        uint64_t generation = 0;
        if (bytes) {
            SEYIR_TRY(generation, decode_u64(*bytes));
        }
        WriteSet set = database_->new_write();
        set.put(Family::kMeta, key::kRestoreGeneration, encode_u64(generation + 1));
        return database_->write(std::move(set));
    }

    io::FileSystem& fs_;
    const std::string data_dir_;
    const SegmentFiles files_;
    const UnixNanos now_;
    const FindReplacement& find_replacement_;
    std::shared_ptr<Database> database_;
    SegmentId next_segment_ = 1;
    UnixNanos floor_ = UnixNanos::min();
    std::set<key::DroppedKey> dropped_;
    RepairReport report_;

    struct Move {
        std::string from;
        std::string to;
    };

    std::vector<Move> moved_;  ///< since the catalogue last fitted the files
};

}  // namespace

Result<RepairReport> repair_data_dir(
    io::FileSystem& fs,
    const std::string& data_dir,
    UnixNanos now,
    const FindReplacement& find_replacement
) {
    return Repairer(fs, data_dir, now, find_replacement).run();
}

}  // namespace seyir::store

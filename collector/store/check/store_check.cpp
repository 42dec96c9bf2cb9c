// SPDX-License-Identifier: Apache-2.0
#include "collector/store/check/store_check.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "collector/store/check/metric_check.hpp"
#include "collector/store/disk/database.hpp"
#include "collector/store/disk/segment_reader.hpp"
#include "collector/store/format/data_format.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::store {
namespace {

constexpr int kLooksMax = 3;

/// What a newer version wrote is no damage, and nothing else can be said about such a store.
template <class Value>
Result<void> refuse_newer(const Result<Value>& read) {
    const bool is_newer = !read && read.error().code == ErrorCode::kUnsupported;
    return is_newer ? Result<void>(read.error()) : Result<void>();
}

CommitNumber number_of(std::string_view stage_key) {
    CommitNumber number = 0;
    for (const char c : stage_key.substr(1)) {
        number = (number << 8) | static_cast<uint8_t>(c);
    }
    return number;
}

/// All its rows can be read.
Result<void> unpack_staged(
    const Database& database, const StageEntry& entry, BatchDecoder& decoder
) {
    SEYIR_TRY(auto payload, database.get(Family::kStage, key::stage_payload(entry.number)));
    if (!payload) {
        return fail(ErrorCode::kCorrupt, fmt::format("its {} records are missing", entry.rows));
    }
    SEYIR_TRY(
        EncodedBatch encoded,
        encoded_from_bytes(std::make_shared<const std::string>(std::move(*payload)))
    );
    encoded.xxh3 = entry.xxh3;
    SEYIR_TRY(const auto batch, decoder.decode(encoded, entry.tenant));
    if (batch->row_count() != entry.rows) {
        return fail(ErrorCode::kCorrupt, fmt::format("it should have {} records", entry.rows));
    }
    return {};
}

class Checker {
  public:
    Checker(
        io::FileSystem& fs,
        const std::string& data_dir,
        std::shared_ptr<Database> database,
        const CheckOptions& options
    )
        : data_dir_(data_dir),
          files_{&fs, nullptr, data_dir + "/segments"},
          database_(std::move(database)),
          options_(options) {}

    Result<StoreCheck> run() {
        SEYIR_TRY(const auto format, database_->get(Family::kMeta, key::kFormat));
        if (format) {
            SEYIR_CHECK(check_data_format(*format, data_dir_));
        }
        SEYIR_TRY(const auto id, database_->get(Family::kMeta, key::kStoreId));
        if (!id || id->size() != 16) {
            return fail(ErrorCode::kCorrupt, data_dir_ + ": the store's id is missing");
        }
        SEYIR_TRY(out_.store_id.hi, decode_u64(std::string_view(*id).substr(0, 8)));
        SEYIR_TRY(out_.store_id.lo, decode_u64(std::string_view(*id).substr(8)));
        SEYIR_CHECK(read_catalogue());
        for (const auto& [day, segments] : days_) {
            for (const SegmentSummary& segment : segments) {
                SEYIR_CHECK(check_segment(segment));
            }
        }
        check_totals();
        SEYIR_CHECK(check_stage());
        SEYIR_TRY(MetricCheck metrics, check_metrics(*database_));
        out_.metric_rows = metrics.rows;
        out_.samples = metrics.samples;
        out_.file_bytes += metrics.bytes;
        std::ranges::move(metrics.problems, std::back_inserter(out_.problems));
        LogGuard guard(*files_.fs, io::system_clock(), data_dir_);
        SEYIR_TRY(out_.lost_logs, guard.lost());
        return std::move(out_);
    }

    const std::map<Day, std::vector<SegmentSummary>>& days() const { return days_; }

  private:
    Result<void> read_catalogue() {
        SEYIR_CHECK(database_->scan(
            Family::kCatalogue,
            "d",
            "e",
            [&](std::string_view bytes, std::string_view value) -> Result<bool> {
                const auto day = key::parse_day_totals(bytes);
                auto totals = decode_day_totals(value);
                SEYIR_CHECK(refuse_newer(totals));
                if (!day || !totals) {
                    out_.problems.emplace_back("the catalogue has a row of a day that is damaged");
                    return true;
                }
                totals_[*day] = *totals;
                days_[*day];
                return true;
            }
        ));
        for (auto& [day, segments] : days_) {
            const std::string prefix = key::segment_prefix(day);
            SEYIR_CHECK(database_->scan(
                Family::kCatalogue,
                prefix,
                key::prefix_end(prefix),
                [&, at = day, list = &segments](std::string_view bytes, std::string_view value)
                    -> Result<bool> {
                    const auto id = key::parse_segment(bytes);
                    auto summary = id ? decode_segment(at, *id, value)
                                      : Result<SegmentSummary>(fail(ErrorCode::kCorrupt, "key"));
                    SEYIR_CHECK(refuse_newer(summary));
                    if (!summary) {
                        out_.problems.push_back(
                            "the catalogue has a damaged row of a segment of " + at.folder()
                        );
                        return true;
                    }
                    total_bytes_ += summary->file_bytes;
                    list->push_back(*std::move(summary));
                    return true;
                }
            ));
        }
        return {};
    }

    static std::string name_of(const SegmentSummary& segment) {
        return segment_path("segments", segment.day, segment.id);
    }

    void add_damage(
        const SegmentSummary& segment,
        std::optional<uint32_t> block,
        const BlockRow* row,
        const Error& error
    ) {
        Damage damage{.day = segment.day, .segment = segment.id, .block = block};
        damage.rows = row != nullptr ? row->rows : segment.rows;
        damage.raw_bytes = row != nullptr ? row->raw_bytes : segment.raw_bytes;
        damage.range = row != nullptr ? TimeRange{row->min_ts, row->max_ts}
                                      : TimeRange{segment.min_ts, segment.max_ts};
        damage.file = name_of(segment);
        damage.what = error.message;
        out_.damages.push_back(std::move(damage));
    }

    Result<void> check_segment(const SegmentSummary& segment) {
        const size_t damages_before = out_.damages.size();
        const uint64_t done_before = done_bytes_;
        ++out_.segments;
        out_.promised_rows += segment.rows;
        out_.file_bytes += segment.file_bytes;
        const auto reader = SegmentReader::open(files_, segment.day, segment.id);
        SEYIR_CHECK(refuse_newer(reader));
        if (!reader) {
            add_damage(segment, std::nullopt, nullptr, reader.error());
        } else {
            has_emptied_blocks_ = false;
            SEYIR_CHECK(check_blocks(segment, **reader));
            const std::string path = segment_path(files_.path, segment.day, segment.id);
            const auto sound = verify_table_file(path);
            if (!sound && !has_emptied_blocks_ && damages_before == out_.damages.size()) {
                out_.problems.push_back(fmt::format(
                    "{}: {} (no record is lost: queries read its blocks without their filter)",
                    name_of(segment),
                    sound.error().message
                ));
            }
        }
        done_bytes_ = done_before + segment.file_bytes;
        return progress();
    }

    Result<void> check_blocks(const SegmentSummary& segment, const SegmentReader& reader) {
        uint64_t rows = 0;
        const uint64_t done_before = done_bytes_;
        const std::string prefix = key::block_prefix(segment.day, segment.id);
        uint32_t number = 0;
        SEYIR_CHECK(database_->scan(
            Family::kCatalogue,
            prefix,
            key::prefix_end(prefix),
            [&](std::string_view, std::string_view value) -> Result<bool> {
                const uint32_t block = number++;
                const auto row = decode_block_row(value);
                SEYIR_CHECK(refuse_newer(row));
                if (!row) {
                    out_.problems.push_back(fmt::format(
                        "the catalogue has a damaged row of block {} of {}", block, name_of(segment)
                    ));
                    return true;
                }
                rows += row->rows;
                has_emptied_blocks_ = has_emptied_blocks_ || row->rows == 0;
                if (row->rows > 0) {
                    SEYIR_CHECK(check_block(segment, reader, block, *row));
                }
                done_bytes_ = done_before + segment.file_bytes * number / (segment.blocks + 1);
                SEYIR_CHECK(progress());
                return true;
            }
        ));
        if (number != segment.blocks || rows != segment.rows) {
            out_.problems.push_back(fmt::format(
                "{}: the catalogue promises {} records in {} blocks and has rows of {} in {}",
                name_of(segment),
                segment.rows,
                segment.blocks,
                rows,
                number
            ));
        }
        return {};
    }

    Result<void> check_block(
        const SegmentSummary& segment,
        const SegmentReader& reader,
        uint32_t number,
        const BlockRow& row
    ) {
        ++out_.blocks;
        const auto read = reader.read_block(number, row, segment.tenant, decoder_);
        SEYIR_CHECK(refuse_newer(read));
        if (!read) {
            add_damage(segment, number, &row, read.error());
            return {};
        }
        const uint64_t found = read->batch->row_count();
        out_.sealed_rows += found;
        if (found != row.rows) {
            const std::string what = fmt::format("{} of {} records are there", found, row.rows);
            add_damage(segment, number, &row, fail(ErrorCode::kCorrupt, what));
        }
        return {};
    }

    void check_totals() {
        for (const auto& [day, segments] : days_) {
            DayTotals sum;
            for (const SegmentSummary& segment : segments) {
                add(sum, segment);
            }
            const DayTotals& stated = totals_[day];
            if (sum.rows != stated.rows || sum.segments != stated.segments) {
                out_.problems.push_back(fmt::format(
                    "{}: the catalogue promises {} records in {} segments and names {} in {}",
                    day.folder(),
                    stated.rows,
                    stated.segments,
                    sum.rows,
                    sum.segments
                ));
            }
        }
    }

    Result<void> check_stage() {
        return database_->scan(
            Family::kStage,
            key::stage_entry(0),
            key::stage_entry(UINT64_MAX),
            [&](std::string_view bytes, std::string_view value) -> Result<bool> {
                const CommitNumber number = number_of(bytes);
                ++out_.staged_batches;
                const auto checked = check_staged(number, value);
                SEYIR_CHECK(refuse_newer(checked));
                if (!checked) {
                    out_.problems.push_back(
                        fmt::format("staged batch {}: {}", number, checked.error().message)
                    );
                }
                SEYIR_CHECK(progress());
                return true;
            }
        );
    }

    Result<void> check_staged(CommitNumber number, std::string_view value) {
        SEYIR_TRY(const StageEntry entry, decode_stage_entry(number, value));
        out_.promised_rows += entry.rows;
        out_.file_bytes += entry.payload_bytes;
        SEYIR_CHECK(unpack_staged(*database_, entry, decoder_));
        out_.staged_rows += entry.rows;
        return {};
    }

    Result<void> progress() {
        const bool goes_on =
            !options_.on_progress || options_.on_progress(done_bytes_, total_bytes_);
        return goes_on ? Result<void>() : fail(ErrorCode::kCancelled, "stopped");
    }

    const std::string data_dir_;
    const SegmentFiles files_;
    std::shared_ptr<Database> database_;
    const CheckOptions& options_;
    BatchDecoder decoder_;
    StoreCheck out_;
    std::map<Day, std::vector<SegmentSummary>> days_;
    std::map<Day, DayTotals> totals_;
    bool has_emptied_blocks_ = false;  ///< a repair took them out; their bytes are damaged still
    uint64_t done_bytes_ = 0;
    uint64_t total_bytes_ = 0;
};

/// Segment files that no segment of `days` has.
std::vector<std::string> find_orphans(
    io::FileSystem& fs,
    const std::string& data_dir,
    const std::map<Day, std::vector<SegmentSummary>>& days
) {
    std::vector<std::string> out;
    const auto folders = fs.list(data_dir + "/segments");
    for (const std::string& folder : folders ? *folders : std::vector<std::string>{}) {
        const auto day = day_from_folder(folder);
        const auto known = day ? days.find(*day) : days.end();
        const auto names = fs.list(data_dir + "/segments/" + folder);
        for (size_t i = 0; day && names && i < names->size(); ++i) {
            const auto id = segment_id_from_name((*names)[i]);
            const bool is_named =
                id && known != days.end() &&
                std::ranges::any_of(known->second, [&](const auto& s) { return s.id == *id; });
            if (!is_named) {
                out.push_back("segments/" + folder + "/" + (*names)[i]);
            }
        }
    }
    return out;
}

Result<std::shared_ptr<Database>> open_to_read(const std::string& data_dir) {
    return Database::open({
        .path = data_dir + "/db",
        .env = nullptr,
        .memtable_bytes = 64 * kMiB,
        .wal_bytes_max = 0,
        .deterministic = true,
        .read_only = true,
    });
}

}  // namespace

Result<StoreCheck> check_data_dir(
    io::FileSystem& fs, const std::string& data_dir, const CheckOptions& options
) {
    if (!fs.stat(data_dir + "/db")) {
        return fail(ErrorCode::kNotFound, data_dir + " is no data directory of a collector");
    }
    // A day that a running collector drops meanwhile is no damage: then another look tells.
    for (int look = 1;; ++look) {
        const bool is_in_use = user_of(data_dir).has_value();
        auto database = open_to_read(data_dir);
        if (!database && is_in_use && look < kLooksMax) {
            continue;  // it changed its files while they were opened
        }
        if (!database) {
            return std::move(database).error();
        }
        Checker checker(fs, data_dir, std::move(*database), options);
        SEYIR_TRY(StoreCheck out, checker.run());
        if (is_in_use && !out.is_sound() && look < kLooksMax) {
            continue;
        }
        if (!is_in_use) {
            out.orphans = find_orphans(fs, data_dir, checker.days());
        }
        return out;
    }
}

Result<std::vector<BadBatch>> find_bad_batches(const Database& database) {
    std::vector<BadBatch> out;
    BatchDecoder decoder;
    SEYIR_CHECK(database.scan(
        Family::kStage,
        key::stage_entry(0),
        key::stage_entry(UINT64_MAX),
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            const CommitNumber number = number_of(bytes);
            const auto entry = decode_stage_entry(number, value);
            SEYIR_CHECK(refuse_newer(entry));
            const auto unpacked =
                entry ? unpack_staged(database, *entry, decoder) : Result<void>(entry.error());
            SEYIR_CHECK(refuse_newer(unpacked));
            if (!unpacked) {
                out.push_back({number, entry ? entry->rows : 0});
            }
            return true;
        }
    ));
    return out;
}

std::optional<int> user_of(const std::string& data_dir) {
    // RocksDB's own lock, asked for and not taken.
    const int file = ::open((data_dir + "/db/LOCK").c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return std::nullopt;
    }
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const bool asked = ::fcntl(file, F_GETLK, &lock) == 0;
    ::close(file);
    return asked && lock.l_type != F_UNLCK ? std::optional<int>(lock.l_pid) : std::nullopt;
}

std::vector<std::string> check_database_files(io::FileSystem& fs, const std::string& data_dir) {
    std::vector<std::string> out;
    const auto names = fs.list(data_dir + "/db");
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
        if (!name.ends_with(".sst")) {
            continue;
        }
        if (const auto sound = verify_table_file(data_dir + "/db/" + name); !sound) {
            out.push_back("db/" + name + ": " + sound.error().message);
        }
    }
    return out;
}

}  // namespace seyir::store

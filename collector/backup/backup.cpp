// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/base/version.hpp"
#include "common/json/writer.hpp"

namespace seyir::collector::backup {
namespace {

/// Left free in the folder of the backups.
constexpr uint64_t kFreeBytesMin = 64 * kMiB;
/// Of old copies so much is read again in each run, or the 32nd part if that is more.
constexpr uint64_t kRecheckBytesMin = 256 * kMiB;
constexpr uint64_t kRecheckRuns = 32;

void put(json::Writer& writer, std::string_view name, uint64_t value) {
    writer.key(name);
    writer.uint64(value);
}

void put(json::Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
    writer.key(name);
    writer.begin_array();
    for (const std::string& text : texts) {
        writer.string(text);
    }
    writer.end_array();
}

}  // namespace

std::string BackupReport::json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    put(writer, "unix_nanos", static_cast<uint64_t>(at.value));
    writer.member("time", to_rfc3339(at));
    put(writer,
        "took_ms",
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    writer.member("trigger", request.trigger);
    writer.key("ok");
    writer.boolean(ok());
    writer.member("id", id);
    put(writer, "records", records);
    put(writer, "files", files);
    put(writer, "bytes", bytes);
    put(writer, "copied_files", copied_files);
    put(writer, "copied_bytes", copied_bytes);
    put(writer, "removed", removed);
    put(writer, "freed_bytes", freed_bytes);
    put(writer, "damaged", damaged);
    put(writer, "rechecked_bytes", rechecked_bytes);
    put(writer, "mended", mended);
    writer.member("error", error);
    writer.end_object();
    return out;
}

std::string BackupReport::text() const {
    if (!ok()) {
        return "failed: " + error;
    }
    std::string out = fmt::format(
        "{} holds {} records; {} of {} files copied, {} of {}, in {}",
        id,
        records,
        copied_files,
        files,
        format_bytes(copied_bytes),
        format_bytes(bytes),
        format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took))
    );
    for (const std::string& file : damaged) {
        out += "; DAMAGED in the store: " + file;
    }
    for (const std::string& file : mended) {
        out += "; an old copy had changed and was made again: " + file;
    }
    return out;
}

struct Backup::Work {
    BackupReport& report;
    const BackupRequest& request;
    Repository repository;
    Manifest manifest;
    std::vector<store::ImageFile> files;
    /// What the last backup of this store had under the path.
    std::map<std::string, ManifestFile, std::less<>> known;
    std::string rechecked_to;         ///< by the last backup
    std::set<std::string> rechecked;  ///< whose turn it is now
    size_t extras = 0;                ///< the first of `files`

    /// Its content, when it need not be read to know it.
    const ManifestFile* find_known(const store::ImageFile& file) const {
        const auto at = known.find(file.path);
        const bool is_same = file.is_immutable && !request.recheck && at != known.end() &&
                             at->second.bytes == file.bytes &&
                             at->second.modified == file.modified &&
                             repository.has({file.bytes, at->second.hash, {}});
        return is_same ? &at->second : nullptr;
    }
};

Backup::Backup(
    store::RocksStore& store,
    io::FileSystem& fs,
    io::Clock& clock,
    BackupOptions options,
    std::function<bool()> should_stop
)
    : store_(store),
      fs_(fs),
      clock_(clock),
      options_(std::move(options)),
      should_stop_(std::move(should_stop)) {}

BackupReport Backup::run(const BackupRequest& request) {
    BackupReport report{.at = clock_.wall_now(), .request = request};
    const SteadyTime begun = clock_.steady_now();
    for (auto* number : {&files_done_, &files_total_, &bytes_done_, &bytes_total_}) {
        *number = 0;
    }
    if (auto made = make(report); !made) {
        report.error = made.error().message;
        report.id.clear();
    }
    report.took = clock_.steady_now() - begun;
    return report;
}

Result<void> Backup::make(BackupReport& report) {
    Work work{report, report.request, Repository(fs_, options_.folder), {}, {}, {}, {}, {}};
    SEYIR_CHECK(work.repository.open_to_write());
    work.manifest.begun = report.at;
    SEYIR_TRY(work.manifest.id, work.repository.new_id(report.at));
    SEYIR_TRY(const store::BackupImagePtr image, store_.hold_image());
    work.manifest.version = std::string(kVersion);
    work.manifest.store_id = image->store_id;
    work.manifest.restore_generation = image->restore_generation;
    work.manifest.records = image->records;
    work.manifest.raw_bytes = image->raw_bytes;
    SEYIR_CHECK(find_last(work, *image));
    SEYIR_TRY(work.files, extra_files());
    work.extras = work.files.size();
    work.files.insert(work.files.end(), image->files.begin(), image->files.end());
    plan_recheck(work);
    SEYIR_CHECK(add_files(work));
    SEYIR_CHECK(work.repository.commit(work.manifest));
    report.id = work.manifest.id;
    report.records = work.manifest.records;
    report.files = work.manifest.files.size();
    report.bytes = work.manifest.bytes();
    if (auto collected = work.repository.collect(options_.keep, work.manifest.id)) {
        report.removed = std::move(collected->removed_ids);
        report.freed_bytes = collected->bytes;
    } else {
        // The backup is there; the next run tries again.
        log::warn("backup", "cannot remove old files", {{"error", collected.error().message}});
    }
    return {};
}

/// What the last backup of this store knew.
Result<void> Backup::find_last(Work& work, const store::BackupImage& image) {
    SEYIR_TRY(const auto ids, work.repository.ids());
    for (size_t i = ids.size(); i-- > 0;) {
        const auto last = work.repository.read(ids[i]);
        if (!last) {
            log::warn("backup", "a backup cannot be read", {{"error", last.error().message}});
            continue;
        }
        if (last->store_id != image.store_id) {
            // A store that began anew would otherwise push the old one's backups out.
            return fail(
                ErrorCode::kRefused,
                fmt::format(
                    "{} holds backups of another store ({}, this one is {}): restore one of them, "
                    "or give this store a folder of its own",
                    options_.folder,
                    last->store_id.to_hex(),
                    image.store_id.to_hex()
                )
            );
        }
        if (last->restore_generation == image.restore_generation) {
            for (const ManifestFile& file : last->files) {
                work.known.emplace(file.path, file);
            }
            work.rechecked_to = last->rechecked_to;
        }
        break;
    }
    return {};
}

/// Old copies whose turn it is, by name, behind where the last backup ended.
void Backup::plan_recheck(Work& work) {
    std::map<std::string, uint64_t> old;
    uint64_t bytes = 0;
    for (const store::ImageFile& file : work.files) {
        if (work.find_known(file) != nullptr) {
            old.emplace(file.path, file.bytes);
            bytes += file.bytes;
        }
    }
    uint64_t left = std::max(kRecheckBytesMin, bytes / kRecheckRuns);
    auto at = old.upper_bound(work.rechecked_to);
    work.manifest.rechecked_to = work.rechecked_to;
    for (size_t i = 0; i < old.size() && left > 0; ++i) {
        at = at == old.end() ? old.begin() : at;
        work.rechecked.insert(at->first);
        work.manifest.rechecked_to = at->first;
        left -= std::min(left, at->second);
        ++at;
    }
}

Result<std::vector<store::ImageFile>> Backup::extra_files() const {
    std::vector<store::ImageFile> out;
    const auto add = [&](const std::string& path) -> Result<void> {
        const std::string source = options_.data_dir + "/" + path;
        const auto info = fs_.stat(source);
        if (!info) {
            return info.error().code == ErrorCode::kNotFound ? Result<void>() : info.error();
        }
        if (info->is_regular) {
            out.push_back({path, source, info->size_bytes, info->modified, false});
        }
        return {};
    };
    for (const std::string& extra : options_.extras) {
        const auto names = fs_.list(options_.data_dir + "/" + extra);
        if (!names) {
            SEYIR_CHECK(add(extra));
            continue;
        }
        for (const std::string& name : *names) {
            SEYIR_CHECK(add(extra + "/" + name));
        }
    }
    return out;
}

Result<void> Backup::add_files(Work& work) {
    uint64_t to_copy = 0;
    for (const store::ImageFile& file : work.files) {
        to_copy += work.find_known(file) == nullptr ? file.bytes : 0;
    }
    files_total_ = work.files.size();
    bytes_total_ = to_copy;
    const auto free = fs_.free_bytes(options_.folder);
    if (free && !work.request.recheck && *free < to_copy + kFreeBytesMin) {
        return fail(
            ErrorCode::kNoSpace,
            fmt::format(
                "{} has {} free, the backup needs {}: make room, or keep fewer (backup.keep)",
                options_.folder,
                format_bytes(*free),
                format_bytes(to_copy + kFreeBytesMin)
            )
        );
    }
    for (size_t i = 0; i < work.files.size(); ++i) {
        // Extras are written anew, or appended to, while we copy.
        SEYIR_CHECK(add_file(work, work.files[i], i >= work.extras));
        ++files_done_;
    }
    return {};
}

bool Backup::on_bytes(uint64_t bytes) {
    bytes_done_ += bytes;
    return !should_stop_();
}

/// Reads the store's file and its copy again. False: one of them is not what it was.
bool Backup::recheck_old(Work& work, const store::ImageFile& file, const ManifestFile& known) {
    const FileContent copy{known.bytes, known.hash, known.pieces};
    const auto quiet = [this](uint64_t) { return !should_stop_(); };
    work.report.rechecked_bytes += file.bytes;
    const bool is_copy_sound = work.repository.is_sound(copy, quiet);
    if (!is_copy_sound && !should_stop_()) {
        log::error("backup", "an old copy has changed: it is made again", {{"file", file.path}});
        work.report.mended.push_back(file.path);
    }
    return is_copy_sound && store::verify_table_file(file.source).has_value();
}

Result<void> Backup::add_file(Work& work, const store::ImageFile& file, bool is_whole) {
    bool recheck = work.request.recheck;
    if (const ManifestFile* known = work.find_known(file)) {
        const bool is_its_turn = known->damage.empty() && work.rechecked.contains(file.path);
        if (!is_its_turn || recheck_old(work, file, *known)) {
            if (!known->damage.empty()) {
                work.report.damaged.push_back(file.path + ": " + known->damage);
            }
            work.manifest.files.push_back(*known);
            return {};
        }
        recheck = true;
    }
    std::string damage;
    if (file.is_immutable) {
        if (const auto sound = store::verify_table_file(file.source); !sound) {
            log::error(
                "backup", "a file of the store is damaged", {{"error", sound.error().message}}
            );
            damage = sound.error().message;
            work.report.damaged.push_back(file.path + ": " + damage);
            // What was copied while it was sound is worth more than what it is now.
            const auto known = work.known.find(file.path);
            if (known != work.known.end() &&
                store::verify_table_file(work.repository.file_path(known->second.hash))) {
                ManifestFile kept = known->second;
                kept.modified = file.modified;
                kept.damage = std::move(damage);
                work.manifest.files.push_back(std::move(kept));
                return {};
            }
        }
    }
    const auto bytes = is_whole ? std::optional(file.bytes) : std::nullopt;
    SEYIR_TRY(auto added, work.repository.add(file.source, bytes, recheck, [this](uint64_t got) {
        return on_bytes(got);
    }));
    if (added.copied_bytes > 0) {
        ++work.report.copied_files;
        work.report.copied_bytes += added.copied_bytes;
    }
    work.manifest.files.push_back(
        {file.path,
         added.content.bytes,
         file.modified,
         added.content.hash,
         std::move(added.content.pieces),
         std::move(damage)}
    );
    return {};
}

BackupProgress Backup::progress() const {
    return {files_done_, files_total_, bytes_done_, bytes_total_};
}

Result<std::vector<BackupSummary>> Backup::backups() {
    const Repository repository(fs_, options_.folder);
    SEYIR_TRY(const auto ids, repository.ids());
    std::vector<BackupSummary> out;
    const std::lock_guard lock(summaries_mutex_);
    std::map<std::string, BackupSummary> seen;
    for (const std::string& id : ids) {
        const auto info = fs_.stat(repository.manifest_path(id));
        if (!info) {
            continue;  // removed meanwhile
        }
        const auto known = summaries_.find(id);
        if (known != summaries_.end() && known->second.written == info->modified) {
            seen.emplace(id, known->second);
        } else if (const auto manifest = repository.read(id)) {
            BackupSummary summary{
                .id = id,
                .begun = manifest->begun,
                .records = manifest->records,
                .raw_bytes = manifest->raw_bytes,
                .files = manifest->files.size(),
                .bytes = manifest->bytes(),
                .written = info->modified,
            };
            for (const ManifestFile& file : manifest->files) {
                summary.damaged_files += file.damage.empty() ? 0 : 1;
            }
            seen.emplace(id, std::move(summary));
        } else {
            continue;
        }
        out.push_back(seen.at(id));
    }
    summaries_ = std::move(seen);
    return out;
}

std::optional<UnixNanos> Backup::last_done() const {
    const Repository repository(fs_, options_.folder);
    const auto ids = repository.ids();
    for (size_t i = ids ? ids->size() : 0; i-- > 0;) {
        if (const auto manifest = repository.read((*ids)[i])) {
            return manifest->begun;
        }
    }
    return std::nullopt;
}

}  // namespace seyir::collector::backup

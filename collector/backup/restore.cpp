// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/restore.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "collector/store/rocks_store.hpp"

namespace seyir::collector::backup {
namespace {

constexpr uint64_t kMarkBytesMax = 4096;

/// What may be in a folder that counts as empty.
bool is_nothing(const std::string& name) {
    return name == "lost+found";
}

/// Empty, or begun by an earlier restore of the same backup.
Result<void> check_target(
    io::FileSystem& fs, const RestoreRequest& request, const std::string& id
) {
    const auto names = fs.list(request.data_dir);
    if (!names) {
        return names.error().code == ErrorCode::kNotFound ? Result<void>() : names.error();
    }
    const auto mark =
        io::read_file(fs, request.data_dir + "/" + std::string(store::kRestoreMark), kMarkBytesMax);
    if (mark) {
        if (*mark == id) {
            return {};
        }
        return fail(
            ErrorCode::kConflict,
            fmt::format(
                "{} holds the beginning of a restore of {}: remove what is in it first",
                request.data_dir,
                *mark
            )
        );
    }
    for (const std::string& name : *names) {
        if (!is_nothing(name)) {
            return fail(
                ErrorCode::kConflict,
                fmt::format(
                    "{0} is not empty (it holds {1}); nothing was changed. Stop its collector and "
                    "put it aside: mv {0} {0}.old",
                    request.data_dir,
                    name
                )
            );
        }
    }
    return {};
}

class Restorer {
  public:
    Restorer(
        io::FileSystem& fs,
        const Repository& repository,
        const RestoreRequest& request,
        RestoreReport& report
    )
        : fs_(fs), repository_(repository), request_(request), report_(report) {}

    Result<void> run() {
        const std::string& to = request_.data_dir;
        SEYIR_CHECK(fs_.make_directories(to));
        const std::string mark = to + "/" + std::string(store::kRestoreMark);
        SEYIR_CHECK(remove_strangers(to + "/db"));
        SEYIR_CHECK(io::write_file_atomically(fs_, mark, report_.manifest.id));
        folders_.insert(to);
        for (const ManifestFile& file : report_.manifest.files) {
            total_ += file.bytes;
        }
        for (const ManifestFile& file : report_.manifest.files) {
            SEYIR_CHECK(put_back(file));
        }
        for (const std::string& folder : folders_) {
            SEYIR_CHECK(fs_.sync_directory(folder));
        }
        return {};
    }

  private:
    bool add_done(uint64_t bytes) {
        done_ += bytes;
        return !request_.on_progress || request_.on_progress(done_, total_);
    }

    /// A restore that was interrupted at its end has opened the database, which then wrote to it.
    Result<void> remove_strangers(const std::string& folder) {
        std::set<std::string, std::less<>> ours;
        for (const ManifestFile& file : report_.manifest.files) {
            ours.insert(request_.data_dir + "/" + file.path);
        }
        const auto names = fs_.list(folder);
        for (size_t i = 0; names && i < names->size(); ++i) {
            const std::string path = folder + "/" + (*names)[i];
            if (!ours.contains(path)) {
                SEYIR_CHECK(fs_.remove(path));
            }
        }
        return {};
    }

    Result<void> put_back(const ManifestFile& file) {
        const std::string to = request_.data_dir + "/" + file.path;
        const std::string parent = io::parent_directory(to);
        SEYIR_CHECK(fs_.make_directories(parent));
        folders_.insert(parent);
        const FileContent expected{file.bytes, file.hash, file.pieces};
        const auto quiet = [&](uint64_t) { return add_done(0); };
        if (const auto info = fs_.stat(to); info && info->size_bytes == file.bytes) {
            const auto there = hash_file(fs_, to, quiet);
            if (there && *there == expected) {
                add_done(file.bytes);
                return {};
            }
        }
        const std::string from = repository_.file_path(file.hash);
        const auto on_bytes = [&](uint64_t bytes) { return add_done(bytes); };
        SEYIR_TRY(const auto copied, copy_file(fs_, from, to, UINT64_MAX, on_bytes));
        if (copied != expected) {
            (void)fs_.remove(to);
            return fail(
                ErrorCode::kCorrupt,
                fmt::format(
                    "{} ({} of backup {}): {}. Restore an older backup with --at, or look at all "
                    "of them: seyir verify {}",
                    from,
                    file.path,
                    report_.manifest.id,
                    describe_difference(expected, copied),
                    request_.folder
                )
            );
        }
        SEYIR_TRY(const FileContent again, hash_file(fs_, to, quiet));
        if (again != expected) {
            return fail(ErrorCode::kCorrupt, to + " reads back differently from what was written");
        }
        report_.copied_bytes += file.bytes;
        return {};
    }

    io::FileSystem& fs_;
    const Repository& repository_;
    const RestoreRequest& request_;
    RestoreReport& report_;
    std::set<std::string> folders_;
    uint64_t done_ = 0;
    uint64_t total_ = 0;
};

/// Opens what was put back, which replays its log, and makes it known as restored.
Result<uint32_t> raise_generation(io::FileSystem& fs, const RestoreRequest& request) {
    store::RocksStoreOptions options;
    options.data_dir = request.data_dir;
    options.threads = false;
    options.is_being_restored = true;
    uint32_t generation = 0;
    {
        SEYIR_TRY(const auto store, store::RocksStore::open(std::move(options)));
        SEYIR_TRY(generation, store->raise_restore_generation());
        SEYIR_CHECK(store->flush());
    }
    SEYIR_CHECK(fs.remove(request.data_dir + "/" + std::string(store::kRestoreMark)));
    SEYIR_CHECK(fs.sync_directory(request.data_dir));
    return generation;
}

}  // namespace

Result<Manifest> choose_backup(const Repository& repository, std::optional<UnixNanos> at) {
    SEYIR_TRY(const auto ids, repository.ids());
    std::string oldest;
    for (size_t i = ids.size(); i-- > 0;) {
        auto manifest = repository.read(ids[i]);
        if (!manifest && !at) {
            return manifest;  // the newest is wanted, and nothing else is silently given instead
        }
        if (!manifest) {
            continue;
        }
        if (!at || manifest->begun <= *at) {
            return manifest;
        }
        oldest = to_rfc3339(manifest->begun);
    }
    return fail(
        ErrorCode::kNotFound,
        oldest.empty() ? "there is no backup in that folder"
                       : "there is no backup as old as that: the oldest was begun at " + oldest
    );
}

Result<RestoreReport> restore(io::FileSystem& fs, const RestoreRequest& request) {
    const Repository repository(fs, request.folder);
    if (!repository.exists()) {
        return fail(ErrorCode::kNotFound, request.folder + " is no folder of backups");
    }
    RestoreReport report;
    auto manifest = choose_backup(repository, request.at);
    if (!manifest) {
        return std::move(manifest).error().context(request.folder);
    }
    report.manifest = std::move(*manifest);
    SEYIR_CHECK(check_target(fs, request, report.manifest.id));
    SEYIR_CHECK(Restorer(fs, repository, request, report).run());
    SEYIR_TRY(report.restore_generation, raise_generation(fs, request));
    return report;
}

}  // namespace seyir::collector::backup

// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/repository/repository.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

namespace seyir::collector::backup {
namespace {

constexpr std::string_view kManifestEnding = ".json";
constexpr size_t kIdsPerSecondMax = 1000;

std::optional<ContentHash> hash_from_name(const std::string& name) {
    return ContentHash::from_hex(name);
}

}  // namespace

bool Repository::exists() const {
    const auto info = fs_.stat(folder_ + "/backups");
    return info && info->is_directory;
}

Result<void> Repository::open_to_write() {
    for (const char* name : {"/backups", "/files", "/partial"}) {
        SEYIR_CHECK(fs_.make_directories(folder_ + name));
    }
    SEYIR_CHECK(fs_.sync_directory(folder_));
    // Not ours, perhaps not readable; only a folder made just now could be lost with it.
    (void)fs_.sync_directory(io::parent_directory(folder_));
    auto locked = fs_.lock(folder_ + "/lock");
    if (!locked && locked.error().code == ErrorCode::kUnsupported) {
        return {};
    }
    if (!locked) {
        return std::move(locked).error().context("another backup into " + folder_ + " is running");
    }
    lock_ = std::move(*locked);
    return {};
}

Result<std::vector<std::string>> Repository::ids() const {
    const auto names = fs_.list(folder_ + "/backups");
    std::vector<std::string> out;
    if (!names) {
        return names.error().code == ErrorCode::kNotFound ? Result<std::vector<std::string>>(out)
                                                          : names.error();
    }
    for (const std::string& name : *names) {
        const std::string id = name.substr(0, name.size() - std::min(name.size(), size_t{5}));
        if (name.ends_with(kManifestEnding) && is_backup_id(id)) {
            out.push_back(id);
        }
    }
    std::ranges::sort(out, [](const std::string& a, const std::string& b) {
        return a.substr(0, 16) != b.substr(0, 16) ? a < b
               : a.size() != b.size()             ? a.size() < b.size()
                                                  : a < b;
    });
    return out;
}

std::string Repository::manifest_path(const std::string& id) const {
    return folder_ + "/backups/" + id + std::string(kManifestEnding);
}

Result<Manifest> Repository::read(const std::string& id) const {
    const std::string path = manifest_path(id);
    SEYIR_TRY(const std::string text, io::read_file(fs_, path, kManifestBytesMax));
    auto manifest = decode_manifest(text);
    if (!manifest) {
        return std::move(manifest).error().context(path);
    }
    if (manifest->id != id) {
        return fail(ErrorCode::kCorrupt, path + " is the manifest of " + manifest->id);
    }
    return manifest;
}

std::string Repository::file_path(const ContentHash& hash) const {
    const std::string name = hash.to_hex();
    return fmt::format("{}/files/{}/{}", folder_, name.substr(0, 2), name);
}

bool Repository::is_sound(const FileContent& content, const OnBytes& on_bytes) const {
    const auto found = hash_file(fs_, file_path(content.hash), on_bytes);
    return found && *found == content;
}

bool Repository::has(const FileContent& content) const {
    const auto info = fs_.stat(file_path(content.hash));
    return info && info->is_regular && info->size_bytes == content.bytes;
}

Result<Repository::Added> Repository::add(
    const std::string& source, std::optional<uint64_t> bytes, bool recheck, const OnBytes& on_bytes
) {
    const std::string partial = folder_ + "/partial/file";
    const auto quiet = [&](uint64_t) { return on_bytes(0); };
    SEYIR_TRY(
        const FileContent content,
        copy_file(fs_, source, partial, bytes.value_or(UINT64_MAX), on_bytes)
    );
    if (bytes && content.bytes != *bytes) {
        return fail(
            ErrorCode::kCorrupt, fmt::format("{} has {} of {} bytes", source, content.bytes, *bytes)
        );
    }
    const std::string path = file_path(content.hash);
    if (has(content)) {
        const auto there = recheck ? hash_file(fs_, path, quiet) : Result<FileContent>(content);
        if (there && *there == content) {
            SEYIR_CHECK(fs_.remove(partial));
            // Perhaps an interrupted run left it, and its name is not on the disk yet.
            touched_.push_back(io::parent_directory(path));
            return Added{content, 0};
        }
    }
    SEYIR_TRY(const FileContent again, hash_file(fs_, partial, quiet));
    if (again != content) {
        return fail(ErrorCode::kCorrupt, source + ": its copy reads back differently");
    }
    const std::string parent = io::parent_directory(path);
    SEYIR_CHECK(fs_.make_directories(parent));
    SEYIR_CHECK(fs_.rename(partial, path));
    touched_.push_back(parent);
    return Added{content, content.bytes};
}

Result<void> Repository::sync_new_folders() {
    std::ranges::sort(touched_);
    const auto [first, last] = std::ranges::unique(touched_);
    touched_.erase(first, last);
    for (const std::string& folder : touched_) {
        SEYIR_CHECK(fs_.sync_directory(folder));
    }
    touched_.clear();
    return fs_.sync_directory(folder_ + "/files");
}

Result<std::string> Repository::new_id(UnixNanos begun) const {
    std::string base = to_rfc3339(begun).substr(0, 19) + "Z";  // 2026-11-22T21:30:00
    std::erase_if(base, [](char c) { return c == '-' || c == ':'; });
    SEYIR_TRY(const auto all, ids());
    // Behind the last of this second: the names of removed ones would sort before what is older.
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const std::string& id) {
        return id.starts_with(base);
    });
    if (last == all.rend()) {
        return base;
    }
    const std::string_view suffix = std::string_view(*last).substr(base.size());
    size_t number = 1;
    if (!suffix.empty()) {
        (void)std::from_chars(suffix.data() + 1, suffix.data() + suffix.size(), number);
    }
    if (number >= kIdsPerSecondMax) {
        return fail(ErrorCode::kConflict, "too many backups begun at " + base);
    }
    return fmt::format("{}-{}", base, number + 1);
}

Result<void> Repository::commit(const Manifest& manifest) {
    SEYIR_TRY(const std::string text, encode(manifest));
    SEYIR_CHECK(sync_new_folders());
    return io::write_file_atomically(fs_, manifest_path(manifest.id), text);
}

Result<Repository::Collected> Repository::collect(size_t keep, std::string_view newest) {
    Collected out;
    SEYIR_TRY(auto all, ids());
    // By the order they were made in: a clock that ran ahead must not make the new one the oldest.
    const auto made_last = std::ranges::find(all, newest);
    if (made_last != all.end()) {
        std::rotate(made_last, made_last + 1, all.end());
    }
    const size_t removed = all.size() - std::min(keep, all.size());
    for (size_t i = 0; i < removed; ++i) {
        SEYIR_CHECK(fs_.remove(manifest_path(all[i])));
        out.removed_ids.push_back(all[i]);
    }
    SEYIR_CHECK(fs_.sync_directory(folder_ + "/backups"));
    std::set<ContentHash> named;
    for (size_t i = removed; i < all.size(); ++i) {
        SEYIR_TRY(const Manifest manifest, read(all[i]));
        for (const ManifestFile& file : manifest.files) {
            named.insert(file.hash);
        }
    }
    SEYIR_TRY(const auto folders, fs_.list(folder_ + "/files"));
    for (const std::string& folder : folders) {
        const std::string path = folder_ + "/files/" + folder;
        SEYIR_TRY(const auto names, fs_.list(path));
        for (const std::string& name : names) {
            const auto hash = hash_from_name(name);
            if (!hash || named.contains(*hash)) {
                continue;
            }
            SEYIR_TRY(const io::FileInfo info, fs_.stat(path + "/" + name));
            SEYIR_CHECK(fs_.remove(path + "/" + name));
            ++out.files;
            out.bytes += info.size_bytes;
        }
    }
    for (const char* rest : {"/partial/", "/backups/"}) {
        SEYIR_TRY(const auto names, fs_.list(folder_ + rest));
        for (const std::string& name : names) {
            if (rest == std::string_view("/partial/") || name.ends_with(".json.tmp")) {
                SEYIR_CHECK(fs_.remove(folder_ + rest + name));
            }
        }
    }
    return out;
}

Result<RepositoryCheck> check_repository(
    io::FileSystem& fs,
    const Repository& repository,
    const std::vector<std::string>& ids,
    const OnBytes& on_bytes
) {
    RepositoryCheck out;
    std::map<ContentHash, std::string> seen;  // what is wrong with it
    for (const std::string& id : ids) {
        const auto manifest = repository.read(id);
        if (!manifest) {
            out.problems.push_back(manifest.error().message);
            continue;
        }
        for (const ManifestFile& file : manifest->files) {
            const auto [at, is_new] = seen.try_emplace(file.hash);
            const std::string path = repository.file_path(file.hash);
            if (is_new) {
                const auto content = hash_file(fs, path, on_bytes);
                if (!content && content.error().code == ErrorCode::kCancelled) {
                    return content.error();
                }
                const FileContent expected{file.bytes, file.hash, file.pieces};
                at->second = !content               ? content.error().message
                             : *content == expected ? std::string()
                                                    : describe_difference(expected, *content);
                ++out.files;
                out.bytes += file.bytes;
            }
            if (!at->second.empty()) {
                out.problems.push_back(
                    fmt::format("{} ({} of backup {}): {}", path, file.path, id, at->second)
                );
            }
        }
    }
    return out;
}

}  // namespace seyir::collector::backup

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/enrich/lookup_file.hpp"

#include "common/base/log.hpp"

namespace seyir::plugins {
namespace {

bool is_same(const io::FileInfo& a, const io::FileInfo& b) {
    return a.device == b.device && a.inode == b.inode && a.size_bytes == b.size_bytes &&
           a.modified == b.modified && a.changed == b.changed;
}

}  // namespace

Result<void> LookupFile::open(io::FileSystem& files) {
    const std::lock_guard looking(looking_);
    {
        const std::lock_guard lock(mutex_);
        if (table_ != nullptr) {
            return {};
        }
    }
    return read(files);
}

Result<void> LookupFile::read(io::FileSystem& files) {
    // What is remembered is older than what is read: a change in between is seen next time.
    SEYIR_TRY(info_, files.stat(path_));
    SEYIR_TRY(const std::string text, io::read_file(files, path_, kLookupFileBytesMax));
    SEYIR_TRY(LookupTablePtr table, LookupTable::parse(text, path_, shape_));
    const std::lock_guard lock(mutex_);
    table_ = std::move(table);
    return {};
}

LookupTablePtr LookupFile::table(io::FileSystem& files, SteadyTime now, bool& failed) {
    failed = false;
    const int64_t now_ns = Nanos(now.time_since_epoch()).count();
    if (refresh_.count() != 0 && now_ns >= next_look_ns_.load(std::memory_order_relaxed)) {
        const std::unique_lock looking(looking_, std::try_to_lock);
        if (looking && now_ns >= next_look_ns_.load(std::memory_order_relaxed)) {
            next_look_ns_.store(now_ns + refresh_.count(), std::memory_order_relaxed);
            const auto info = files.stat(path_);
            const bool is_changed = info ? !is_same(*info, info_) : info_.inode != 0;
            if (is_changed) {
                auto done = read(files);
                if (!done) {
                    failed = true;
                    info_ = info ? *info : io::FileInfo{};
                    log::warn(
                        "filter",
                        "a lookup file cannot be read; its old content stays in use",
                        {{"file", path_}, {"why", done.error().message}}
                    );
                }
            }
        }
    }
    const std::lock_guard lock(mutex_);
    return table_;
}

}  // namespace seyir::plugins

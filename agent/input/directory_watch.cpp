// SPDX-License-Identifier: Apache-2.0
#include "agent/input/directory_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace seyir::agent::input {
namespace {

constexpr uint32_t kMask = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                           IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
/// Bounds the work of one drain; the rest stays in the kernel's queue.
constexpr int kReadsMax = 16;

/// Local file systems (statfs(2)); others, and what a FUSE or overlay hides, may be written to by
/// somebody whose writes make no event here.
bool is_local(const std::string& directory) {
    constexpr std::array kLocal{
        0xEF53U,      // ext2, ext3, ext4
        0x58465342U,  // XFS
        0x9123683EU,  // Btrfs
        0x01021994U,  // tmpfs
        0xF2F52010U,  // F2FS
        0x2FC12FC1U,  // ZFS
    };
    struct statfs s{};
    return ::statfs(directory.c_str(), &s) == 0 &&
           std::ranges::find(kLocal, static_cast<uint32_t>(s.f_type)) != kLocal.end();
}

/// Device and inode.
using Place = std::pair<uint64_t, uint64_t>;

std::optional<Place> place_of(const std::string& directory) {
    struct stat s{};
    if (::stat(directory.c_str(), &s) != 0) {
        return std::nullopt;
    }
    return Place{s.st_dev, s.st_ino};
}

bool has_symlink(const std::string& directory) {
    const std::unique_ptr<char, void (*)(void*)> real(
        ::realpath(directory.c_str(), nullptr), ::free
    );
    return !real || directory != real.get();
}

WatchEvent::Kind kind_of(uint32_t mask) {
    if ((mask & IN_MODIFY) != 0) {
        return WatchEvent::Kind::kChanged;
    }
    return (mask & (IN_CREATE | IN_MOVED_TO)) != 0 ? WatchEvent::Kind::kAppeared
                                                   : WatchEvent::Kind::kGone;
}

}  // namespace

Result<std::unique_ptr<InotifyWatch>> InotifyWatch::open() {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        return errno_error(errno, "starting inotify (fs.inotify.max_user_instances)");
    }
    return std::unique_ptr<InotifyWatch>(new InotifyWatch(fd));
}

InotifyWatch::~InotifyWatch() {
    ::close(fd_);
}

void InotifyWatch::drop_unwanted(const std::unordered_set<std::string>& wanted) {
    for (auto at = by_path_.begin(); at != by_path_.end();) {
        // A path may lead to another directory than it did: a symlink in it that was changed, a
        // folder above that was replaced. The kernel tells of neither.
        const auto there = wanted.contains(at->first) ? place_of(at->first) : std::nullopt;
        if (there && *there == Place{at->second.device, at->second.inode}) {
            ++at;
            continue;
        }
        ::inotify_rm_watch(fd_, at->second.wd);
        by_wd_.erase(at->second.wd);
        at = by_path_.erase(at);
    }
}

bool InotifyWatch::add(const std::string& directory) {
    // Its place first: if the path leads elsewhere by the time it is watched, the next scan sees
    // it.
    const auto there = place_of(directory);
    const int wd = there ? ::inotify_add_watch(fd_, directory.c_str(), kMask) : -1;
    if (wd < 0) {
        return false;
    }
    // The same directory by two paths has one wd: the later path is the one told.
    const auto other = by_wd_.find(wd);
    const bool is_new = other == by_wd_.end();
    if (!is_new) {
        by_path_.erase(other->second);
    }
    by_wd_[wd] = directory;
    by_path_[directory] = {
        wd, there->first, there->second, is_local(directory) && !has_symlink(directory)
    };
    return is_new;
}

bool InotifyWatch::watch(const std::vector<std::string>& directories) {
    const std::unordered_set<std::string> wanted(directories.begin(), directories.end());
    drop_unwanted(wanted);
    wanted_ = wanted.size();
    bool added = false;
    for (const std::string& directory : wanted) {
        added = (!by_path_.contains(directory) && add(directory)) || added;
    }
    telling_ = static_cast<size_t>(std::ranges::count_if(by_path_, [](const auto& entry) {
        return entry.second.is_told;
    }));
    return added;
}

bool InotifyWatch::drain(std::vector<WatchEvent>& events) {
    alignas(inotify_event) char buffer[64 * 1024];
    bool complete = true;
    for (int i = 0; i < kReadsMax; ++i) {
        const ssize_t got = ::read(fd_, buffer, sizeof buffer);
        if (got <= 0) {
            return complete && (got == 0 || errno == EAGAIN || errno == EINTR);
        }
        complete = parse(buffer, static_cast<size_t>(got), events) && complete;
    }
    return complete;
}

bool InotifyWatch::parse(const char* bytes, size_t size, std::vector<WatchEvent>& events) {
    bool complete = true;
    for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
        inotify_event event;
        std::memcpy(&event, bytes + at, sizeof event);
        const char* name = bytes + at + sizeof event;
        at += sizeof event + event.len;
        if ((event.mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
            complete = false;
        }
        const auto directory = by_wd_.find(event.wd);
        if (directory == by_wd_.end()) {
            continue;
        }
        if ((event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) {
            // Gone, or no longer where its path says: the rescan watches what is there now.
            if ((event.mask & IN_MOVE_SELF) != 0) {
                ::inotify_rm_watch(fd_, event.wd);
            }
            by_path_.erase(directory->second);
            by_wd_.erase(directory);
            continue;
        }
        if (event.len == 0) {
            continue;
        }
        const std::string& base = directory->second;
        std::string path = base == "/" ? base + name : base + "/" + name;
        const WatchEvent::Kind kind = kind_of(event.mask);
        // A busy writer repeats itself; one wake-up needs one event of it.
        if (events.empty() || events.back().kind != kind || events.back().path != path) {
            events.push_back({kind, std::move(path)});
        }
    }
    return complete;
}

}  // namespace seyir::agent::input

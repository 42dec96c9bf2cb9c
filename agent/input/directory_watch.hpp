// SPDX-License-Identifier: Apache-2.0
// DirectoryWatch: says early what the rescan would find anyway (inotify). Losing every event costs
// one rescan interval of latency and nothing else.
// Threads: one thread; fd() may be polled by it.
// Limits: fs.inotify.max_user_watches; directories beyond it are found by the rescan alone.
// Format/spec: inotify(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::agent::input {

struct WatchEvent {
    enum class Kind : uint8_t { kChanged, kAppeared, kGone };

    Kind kind = Kind::kChanged;
    std::string path;
};

class DirectoryWatch {
  public:
    virtual ~DirectoryWatch() = default;
    /// Watches exactly these from now on; those that cannot be watched are left out.
    /// True when a directory is watched from now on that was not before: what was created in it
    /// since it was listed is not told, so it must be listed again.
    virtual bool watch(const std::vector<std::string>& directories) = 0;
    /// Appends what happened since; false when events were lost (rescan everything).
    virtual bool drain(std::vector<WatchEvent>& events) = 0;
    virtual size_t watched_count() const = 0;
    /// True when nothing happens in the directories of the last watch() that is not told: each is
    /// watched, on a file system whose every writer is this kernel, and reached without a symlink
    /// (which may lead elsewhere from one moment to the next).
    virtual bool tells_all() const = 0;
};

class InotifyWatch final : public DirectoryWatch {
  public:
    static Result<std::unique_ptr<InotifyWatch>> open();
    InotifyWatch(const InotifyWatch&) = delete;
    InotifyWatch& operator=(const InotifyWatch&) = delete;
    ~InotifyWatch() override;

    bool watch(const std::vector<std::string>& directories) override;
    bool drain(std::vector<WatchEvent>& events) override;

    size_t watched_count() const override { return by_path_.size(); }

    bool tells_all() const override { return telling_ == wanted_ && by_path_.size() == wanted_; }

    /// Readable when drain() has something.
    int fd() const { return fd_; }

  private:
    explicit InotifyWatch(int fd) : fd_(fd) {}

    struct Watched {
        int wd = -1;
        uint64_t device = 0;  ///< of the directory the path led to
        uint64_t inode = 0;
        bool is_told = false;  ///< all that happens in it is
    };

    bool add(const std::string& directory);
    void drop_unwanted(const std::unordered_set<std::string>& wanted);
    bool parse(const char* bytes, size_t size, std::vector<WatchEvent>& events);

    int fd_;
    size_t wanted_ = 0;
    size_t telling_ = 0;
    std::unordered_map<int, std::string> by_wd_;
    std::unordered_map<std::string, Watched> by_path_;
};

}  // namespace seyir::agent::input

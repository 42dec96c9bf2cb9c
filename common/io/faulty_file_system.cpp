// SPDX-License-Identifier: Apache-2.0
#include "common/io/faulty_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

namespace seyir::io {
namespace {

constexpr uint64_t kUnlimitedDisk = 1ULL << 50;

Error os_error(int errno_value, std::string_view doing, const std::string& path) {
    return errno_error(errno_value, fmt::format("{} {}", doing, path));
}

}  // namespace

class FaultyFile final : public File {
  public:
    FaultyFile(
        FaultyFileSystem& fs,
        std::shared_ptr<FaultyFileSystem::Node> node,
        std::string path,
        bool can_write
    )
        : fs_(fs),
          node_(std::move(node)),
          path_(std::move(path)),
          can_write_(can_write),
          generation_(fs.generation_) {}

    Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(alive());
        if (offset >= node_->bytes.size()) {
            return size_t{0};
        }
        return node_->bytes.copy(into.data(), into.size(), offset);
    }

    Result<void> append(std::string_view bytes) override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(writable());
        return fs_.write_node(*node_, path_, node_->bytes.size(), bytes);
    }

    Result<void> write_at(uint64_t offset, std::string_view bytes) override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(writable());
        return fs_.write_node(*node_, path_, offset, bytes);
    }

    Result<void> truncate(uint64_t size_bytes) override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(writable());
        return fs_.truncate_node(*node_, path_, size_bytes);
    }

    Result<void> allocate(uint64_t size_bytes) override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(writable());
        const uint64_t has = node_->bytes.size();
        return size_bytes <= has
                   ? Result<void>{}
                   : fs_.write_node(*node_, path_, has, std::string(size_bytes - has, '\0'));
    }

    Result<void> sync() override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(alive());
        return fs_.sync_node(*node_, path_);
    }

    Result<FileInfo> info() override {
        const std::lock_guard lock(fs_.mutex_);
        SEYIR_CHECK(alive());
        FileInfo info;
        info.device = 1;
        info.inode = node_->inode;
        info.size_bytes = node_->bytes.size();
        info.link_count = node_->links;
        info.is_regular = true;
        info.birth = {static_cast<int64_t>(node_->inode)};
        info.modified = node_->changed;
        return info;
    }

    Result<void> close() override { return {}; }

  private:
    Result<void> alive() const {
        if (generation_ != fs_.generation_) {
            return os_error(EBADF, "using a handle from before the power cut:", path_);
        }
        return fs_.check_alive(path_);
    }

    Result<void> writable() const {
        SEYIR_CHECK(alive());
        if (!can_write_) {
            return os_error(EBADF, "writing", path_);
        }
        return {};
    }

    FaultyFileSystem& fs_;
    std::shared_ptr<FaultyFileSystem::Node> node_;
    std::string path_;
    bool can_write_;
    uint64_t generation_;
};

FaultyFileSystem::FaultyFileSystem(uint64_t seed) : random_(seed) {
    auto root = std::make_shared<Node>();
    root->is_directory = true;
    nodes_["/"] = std::move(root);
}

FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::plan_fault(uint64_t nth, Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_at_ = nth == 0 ? 0 : changes_ + nth;
    fault_ = fault;
}

void FaultyFileSystem::set_error_rate(double probability) {
    const std::lock_guard lock(mutex_);
    error_rate_ = probability;
}

void FaultyFileSystem::set_capacity(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_bytes_ = bytes;
}

void FaultyFileSystem::crash() {
    const std::lock_guard lock(mutex_);
    crashed_ = true;
}

bool FaultyFileSystem::crashed() const {
    const std::lock_guard lock(mutex_);
    return crashed_;
}

uint64_t FaultyFileSystem::changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
}

void FaultyFileSystem::restart() {
    const std::lock_guard lock(mutex_);
    lose_names();
    std::set<Node*> seen;
    for (const auto& [path, node] : nodes_) {
        if (seen.insert(node.get()).second) {
            lose_bytes(*node);
        }
    }
    ++generation_;
    crashed_ = false;
    fault_at_ = 0;
}

Result<void> FaultyFileSystem::flip_bit(const std::string& path, uint64_t offset) {
    const std::lock_guard lock(mutex_);
    SEYIR_TRY(const NodePtr node, need_file(path));
    if (offset >= node->bytes.size()) {
        return os_error(EINVAL, "flipping a bit of", path);
    }
    node->bytes[offset] = static_cast<char>(node->bytes[offset] ^ 0x10);
    return {};
}

uint64_t FaultyFileSystem::pick(uint64_t bound) {
    return bound == 0 ? 0 : random_() % bound;
}

/// Per directory the first k unsynced changes survive, k by chance.
void FaultyFileSystem::lose_names() {
    std::map<std::string, uint64_t> pending;
    for (const NameChange& change : journal_) {
        ++pending[change.directory];
    }
    std::map<std::string, uint64_t> kept;
    for (const auto& [directory, count] : pending) {
        kept[directory] = pick(count + 1);
    }
    while (!journal_.empty()) {
        const NameChange& change = journal_.back();
        if (pending[change.directory]-- > kept[change.directory]) {
            for (const EntryChange& entry : change.entries) {
                if (entry.before != nullptr) {
                    nodes_[entry.path] = entry.before;
                } else {
                    nodes_.erase(entry.path);
                }
            }
        }
        journal_.pop_back();
    }
    // A name whose directory is gone is gone too.
    for (auto at = nodes_.begin(); at != nodes_.end();) {
        const bool orphan = at->first != "/" && find(parent_directory(at->first)) == nullptr;
        at = orphan ? nodes_.erase(at) : std::next(at);
    }
}

void FaultyFileSystem::lose_bytes(Node& node) {
    if (node.is_directory) {
        return;
    }
    const uint64_t keep_undone = pick(node.undo.size() + 1);
    while (node.undo.size() > keep_undone) {
        Undo& undo = node.undo.back();
        if (!undo.truncated && node.undo.size() == keep_undone + 1 && pick(2) == 0) {
            // The first overwrite that is lost was under way: some of its bytes got there.
            const uint64_t done = pick(undo.old_bytes.size() + 1);
            undo.old_bytes.replace(0, done, node.bytes, undo.offset, done);
        }
        if (undo.truncated) {
            node.bytes.resize(undo.offset);
            node.bytes += undo.old_bytes;
            node.durable_bytes = undo.durable_before;
        } else {
            node.bytes.replace(undo.offset, undo.old_bytes.size(), undo.old_bytes);
        }
        node.undo.pop_back();
    }
    const uint64_t durable = std::min<uint64_t>(node.durable_bytes, node.bytes.size());
    const uint64_t loose = node.bytes.size() - durable;
    const uint64_t kept = pick(3) == 0 ? 0 : pick(loose + 1);
    node.bytes.resize(durable + kept);
    if (kept > 0 && pick(3) == 0) {
        // The file's size was written, but its last sectors were not.
        const uint64_t torn = 1 + pick(std::min<uint64_t>(kept, 4096));
        std::fill(node.bytes.end() - static_cast<int64_t>(torn), node.bytes.end(), '\0');
    }
    node.undo.clear();
    node.durable_bytes = node.bytes.size();
    node.sync_failed = false;
}

Result<void> FaultyFileSystem::check_alive(const std::string& path) const {
    if (crashed_) {
        return os_error(EIO, "power cut before using", path);
    }
    return {};
}

Result<void> FaultyFileSystem::begin_change(const std::string& path) {
    bool is_short = false;
    SEYIR_CHECK(begin_change(path, is_short));
    if (is_short) {
        return os_error(EIO, "changing", path);
    }
    return {};
}

Result<void> FaultyFileSystem::begin_change(const std::string& path, bool& is_short) {
    SEYIR_CHECK(check_alive(path));
    ++changes_;
    if (changes_ == fault_at_) {
        switch (fault_) {
            case Fault::kPowerCut:
                crashed_ = true;
                return check_alive(path);
            case Fault::kIoError:
                return os_error(EIO, "changing", path);
            case Fault::kNoSpace:
                return os_error(ENOSPC, "changing", path);
            case Fault::kShortWrite:
                is_short = true;
                return {};
        }
    }
    if (error_rate_ > 0 && std::uniform_real_distribution<>(0, 1)(random_) < error_rate_) {
        return os_error(EIO, "changing", path);
    }
    return {};
}

FaultyFileSystem::NodePtr FaultyFileSystem::find(const std::string& path) const {
    std::string_view key = path;
    while (key.size() > 1 && key.back() == '/') {
        key.remove_suffix(1);
    }
    const auto at = nodes_.find(std::string(key));
    return at == nodes_.end() ? nullptr : at->second;
}

Result<FaultyFileSystem::NodePtr> FaultyFileSystem::need_file(const std::string& path) const {
    NodePtr node = find(path);
    if (node == nullptr) {
        return os_error(ENOENT, "opening", path);
    }
    if (node->is_directory) {
        return os_error(EISDIR, "opening", path);
    }
    return node;
}

void FaultyFileSystem::apply(NameChange change) {
    for (const EntryChange& entry : change.entries) {
        if (entry.after != nullptr) {
            nodes_[entry.path] = entry.after;
        } else {
            nodes_.erase(entry.path);
        }
    }
    journal_.push_back(std::move(change));
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    NodePtr node = find(path);
    if (node != nullptr && node->is_directory) {
        return os_error(EISDIR, "opening", path);
    }
    if (node == nullptr) {
        if (mode == OpenMode::kRead) {
            return os_error(ENOENT, "opening", path);
        }
        const std::string directory = parent_directory(path);
        if (find(directory) == nullptr) {
            return os_error(ENOENT, "creating", path);
        }
        SEYIR_CHECK(begin_change(path));
        node = std::make_shared<Node>();
        node->inode = next_inode_++;
        apply({directory, {{path, nullptr, node}}});
    } else if (mode == OpenMode::kWriteTruncate) {
        SEYIR_CHECK(truncate_node(*node, path, 0));
    }
    return std::unique_ptr<File>(
        std::make_unique<FaultyFile>(*this, std::move(node), path, mode != OpenMode::kRead)
    );
}

Result<void> FaultyFileSystem::write_node(
    Node& node, const std::string& path, uint64_t at, std::string_view bytes
) {
    bool is_short = false;
    SEYIR_CHECK(begin_change(path, is_short));
    const uint64_t grows =
        at + bytes.size() > node.bytes.size() ? at + bytes.size() - node.bytes.size() : 0;
    if (capacity_bytes_ != UINT64_MAX && grows > 0 && used_bytes() + grows > capacity_bytes_) {
        return os_error(ENOSPC, "writing", path);
    }
    if (is_short) {
        bytes = bytes.substr(0, pick(bytes.size() + 1));
    }
    if (at < node.durable_bytes && !bytes.empty()) {
        const uint64_t replaced = std::min<uint64_t>(bytes.size(), node.bytes.size() - at);
        node.undo.push_back({at, node.bytes.substr(at, replaced), false, node.durable_bytes});
    }
    if (at + bytes.size() > node.bytes.size()) {
        node.bytes.resize(at + bytes.size());
    }
    node.bytes.replace(at, bytes.size(), bytes);
    node.changed = {static_cast<int64_t>(changes_)};
    if (is_short) {
        return os_error(EIO, "writing", path);
    }
    return {};
}

Result<void> FaultyFileSystem::truncate_node(
    Node& node, const std::string& path, uint64_t size_bytes
) {
    SEYIR_CHECK(begin_change(path));
    if (size_bytes < node.bytes.size()) {
        node.undo.push_back({size_bytes, node.bytes.substr(size_bytes), true, node.durable_bytes});
    }
    node.bytes.resize(size_bytes);
    node.durable_bytes = std::min(node.durable_bytes, size_bytes);
    node.changed = {static_cast<int64_t>(changes_)};
    return {};
}

Result<void> FaultyFileSystem::sync_node(Node& node, const std::string& path) {
    if (auto begun = begin_change(path); !begun) {
        if (!crashed_) {
            node.sync_failed = true;
        }
        return begun;
    }
    if (!node.sync_failed) {
        node.durable_bytes = node.bytes.size();
        node.undo.clear();
    }
    return {};
}

Result<FileInfo> FaultyFileSystem::info_of(const std::string& path) {
    SEYIR_CHECK(check_alive(path));
    const NodePtr node = find(path);
    if (node == nullptr) {
        return os_error(ENOENT, "reading the state of", path);
    }
    FileInfo info;
    info.device = 1;
    info.inode = node->inode;
    info.size_bytes = node->bytes.size();
    info.link_count = node->links;
    info.is_regular = !node->is_directory;
    info.is_directory = node->is_directory;
    info.birth = {static_cast<int64_t>(node->inode)};
    info.modified = node->changed;
    return info;
}

Result<FileInfo> FaultyFileSystem::stat(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return info_of(path);
}

Result<FileInfo> FaultyFileSystem::lstat(const std::string& path) {
    return stat(path);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(directory));
    const NodePtr node = find(directory);
    if (node == nullptr || !node->is_directory) {
        return os_error(node == nullptr ? ENOENT : ENOTDIR, "listing", directory);
    }
    std::string prefix = directory;
    if (!prefix.ends_with('/')) {
        prefix += '/';
    }
    std::vector<std::string> names;
    for (auto at = nodes_.lower_bound(prefix); at != nodes_.end(); ++at) {
        if (!at->first.starts_with(prefix)) {
            break;
        }
        std::string name = at->first.substr(prefix.size());
        if (!name.empty() && name.find('/') == std::string::npos) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

Result<void> FaultyFileSystem::make_directories(const std::string& path) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        const std::string part = path.substr(0, at);
        const NodePtr known = find(part);
        if (known != nullptr && !known->is_directory) {
            return os_error(ENOTDIR, "creating directory", part);
        }
        if (known == nullptr) {
            SEYIR_CHECK(begin_change(part));
            auto node = std::make_shared<Node>();
            node->is_directory = true;
            node->inode = next_inode_++;
            apply({parent_directory(part), {{part, nullptr, std::move(node)}}});
        }
        if (at == std::string::npos) {
            return {};
        }
    }
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(from));
    SEYIR_TRY(const NodePtr node, need_file(from));
    if (find(parent_directory(to)) == nullptr) {
        return os_error(ENOENT, "renaming to", to);
    }
    SEYIR_CHECK(begin_change(from));
    apply({parent_directory(to), {{from, node, nullptr}, {to, find(to), node}}});
    return {};
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    SEYIR_TRY(const NodePtr node, need_file(path));
    SEYIR_CHECK(begin_change(path));
    --node->links;
    apply({parent_directory(path), {{path, node, nullptr}}});
    return {};
}

Result<void> FaultyFileSystem::remove_directory(const std::string& path) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    const NodePtr node = find(path);
    if (node == nullptr || !node->is_directory) {
        return os_error(node == nullptr ? ENOENT : ENOTDIR, "removing directory", path);
    }
    const auto child = nodes_.upper_bound(path + "/");
    if (child != nodes_.end() && child->first.starts_with(path + "/")) {
        return os_error(ENOTEMPTY, "removing directory", path);
    }
    SEYIR_CHECK(begin_change(path));
    apply({parent_directory(path), {{path, node, nullptr}}});
    return {};
}

Result<void> FaultyFileSystem::hard_link(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(from));
    SEYIR_TRY(const NodePtr node, need_file(from));
    if (find(to) != nullptr) {
        return os_error(EEXIST, "linking to", to);
    }
    SEYIR_CHECK(begin_change(to));
    ++node->links;
    apply({parent_directory(to), {{to, nullptr, node}}});
    return {};
}

Result<void> FaultyFileSystem::sync_directory(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(directory));
    if (find(directory) == nullptr) {
        return os_error(ENOENT, "syncing directory", directory);
    }
    SEYIR_CHECK(begin_change(directory));
    std::string_view key = directory;
    while (key.size() > 1 && key.back() == '/') {
        key.remove_suffix(1);
    }
    std::erase_if(journal_, [&](const NameChange& change) { return change.directory == key; });
    return {};
}

uint64_t FaultyFileSystem::used_bytes() const {
    std::set<const Node*> seen;
    uint64_t used = 0;
    for (const auto& [path, node] : nodes_) {
        if (seen.insert(node.get()).second) {
            used += node->bytes.size();
        }
    }
    return used;
}

Result<uint64_t> FaultyFileSystem::free_bytes(const std::string& path) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    if (capacity_bytes_ == UINT64_MAX) {
        return kUnlimitedDisk;
    }
    const uint64_t used = used_bytes();
    return used >= capacity_bytes_ ? 0 : capacity_bytes_ - used;
}

Result<uint64_t> FaultyFileSystem::total_bytes(const std::string& path) {
    const std::lock_guard lock(mutex_);
    SEYIR_CHECK(check_alive(path));
    return capacity_bytes_ == UINT64_MAX ? kUnlimitedDisk : capacity_bytes_;
}

}  // namespace seyir::io

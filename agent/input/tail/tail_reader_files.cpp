// SPDX-License-Identifier: Apache-2.0
// TailReader: which files there are, under which names, and which of them are open.
#include <algorithm>
#include <array>
#include <chrono>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

constexpr auto kScanGapMin = std::chrono::milliseconds(100);
constexpr auto kDeletedQuietMax = std::chrono::seconds(5);
constexpr auto kOrphanKept = std::chrono::seconds(60);
constexpr size_t kComplaintsMax = 100;
/// Looking at a file costs about 3 us: where the watch tells of changes, a thousandth of a core.
constexpr Nanos kScanTimePerFile = std::chrono::milliseconds(3);
constexpr Nanos kScanGapMax = std::chrono::seconds(30);
constexpr Nanos kUntoldKept = std::chrono::minutes(10);
/// Names looked at in one directory for files renamed out of the globs.
constexpr size_t kNamesMax = 100'000;

FileIdentity lasting_of(const checkpoint::LaneCheckpoint& lane) {
    return FileIdentity{lane.device, lane.inode, lane.birth}.lasting();
}

std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

void TailReader::drain_watch() {
    if (watch_ == nullptr) {
        return;
    }
    events_.clear();
    bool scan_soon = !watch_->drain(events_);
    active_ = active_ || scan_soon || !events_.empty();
    for (const WatchEvent& event : events_) {
        if (event.kind == WatchEvent::Kind::kChanged) {
            if (const auto at = by_path_.find(event.path); at != by_path_.end()) {
                if (at->second->left_out == LeftOut::kTooOld) {
                    if (const auto found = walker_.look(event.path, include_, exclude_)) {
                        see(*found);
                    }
                    continue;
                }
                at->second->told_scan = scan_;
                at->second->untold = false;
                enqueue(*at->second);
            }
            continue;
        }
        if (event.kind == WatchEvent::Kind::kGone) {
            scan_soon = scan_soon || by_path_.contains(event.path);
            continue;
        }
        if (const auto found = walker_.look(event.path, include_, exclude_)) {
            see(*found);
            continue;
        }
        const auto info = deps_.fs.lstat(event.path);
        scan_soon = scan_soon || (info && info->is_directory);
    }
    if (scan_soon) {
        next_scan_ = std::min(next_scan_, std::max(now_, last_scan_ + kScanGapMin));
    }
}

void TailReader::rescan() {
    ++scan_;
    last_scan_ = now_;
    std::vector<std::string> directories;
    const auto found = walker_.walk(include_, exclude_, options_.files_max, directories);
    log_walk();
    if (first_scan_) {
        name_unmatched(found);
    }
    const bool watches_more = watch_ != nullptr && watch_->watch(directories);
    next_scan_ = now_ + (watches_more ? std::min<Nanos>(kScanGapMin, options_.rescan_interval)
                                      : scan_interval(found));
    next_upkeep_ = now_ + options_.rescan_interval;
    active_ = false;
    for (const FoundFile& file : found) {
        see(file);
    }
    sweep_unseen();
    check_detached();
    if (first_scan_) {
        first_scan_ = false;
        dirty_ = true;
        find_rotated();
        adopt_memory();
        put_remembered_first();
        give_back_unused();
    }
    report_missing();
    refresh_status();
}

Nanos TailReader::scan_interval(const std::vector<FoundFile>& found) const {
    const bool told = watch_ != nullptr && watch_->tells_all() && now_ >= untold_until_ &&
                      complaints_.empty() &&
                      // What is written through another name makes no event of this one.
                      std::ranges::none_of(found, [](const FoundFile& file) {
                          return file.info.is_symlink || file.info.link_count > 1;
                      });
    const Nanos by_files = kScanTimePerFile * static_cast<int64_t>(found.size());
    return told ? std::max<Nanos>(options_.rescan_interval, std::min<Nanos>(by_files, kScanGapMax))
                : options_.rescan_interval;
}

void TailReader::upkeep() {
    next_upkeep_ = now_ + options_.rescan_interval;
    if (!std::exchange(active_, false) && !unsettled_) {
        return;
    }
    check_detached();
    report_missing();
    refresh_status();
}

bool TailReader::is_told(TailFile& file, bool grew) {
    if (watch_ == nullptr) {
        return false;
    }
    if (file.told_scan + 1 >= scan_) {
        return !grew && watch_->tells_all();  // it was read since, or is about to be
    }
    // Once may be an event that is under way; twice is a writer the kernel does not tell of
    // (a mapped file, another host).
    if (std::exchange(file.untold, true)) {
        untold_until_ = now_ + kUntoldKept;
    }
    return false;
}

void TailReader::find_rotated() {
    std::unordered_set<FileIdentity> present;
    for (const auto& [id, file] : by_id_) {
        present.insert(id.lasting());
    }
    std::unordered_map<std::string, LanesById> wanted;
    for (const checkpoint::LaneCheckpoint& lane : memory_) {
        const bool has_file = lane.inode != 0 && !lane.path.empty() && !lane.complete;
        if (has_file && !present.contains(lasting_of(lane))) {
            wanted[directory_of(lane.path)].emplace(lasting_of(lane), lane);
        }
    }
    for (auto& [directory, lanes] : wanted) {
        look_for_rotated(directory, lanes);
        for (const auto& [id, lane] : lanes) {
            missing_.push_back({lane.key, 0});
        }
    }
    missing_due_ = now_ + kOrphanKept;  // a copy of it may turn up
}

void TailReader::look_for_rotated(const std::string& directory, LanesById& lanes) {
    const auto names = deps_.fs.list(directory);
    if (!names) {
        return;
    }
    const size_t names_max = std::min(names->size(), kNamesMax);
    for (size_t i = 0; i < names_max && !lanes.empty(); ++i) {
        const std::string path = directory + (*names)[i];
        const auto info = deps_.fs.lstat(path);
        if (!info || !info->is_regular) {
            continue;
        }
        const auto at = lanes.find(FileIdentity::of(*info).lasting());
        if (at == lanes.end()) {
            continue;
        }
        const checkpoint::LaneCheckpoint& lane = at->second;
        // Under its old name it was taken out of the globs by whoever wrote them: not followed.
        if (path == lane.path || follow_rotated({path, *info}, lane)) {
            lanes.erase(at);
        } else if (info->size_bytes > lane.acked_end) {
            missing_.push_back({lane.key, info->size_bytes - lane.acked_end});
            lanes.erase(at);
        }
    }
}

bool TailReader::follow_rotated(const FoundFile& found, const checkpoint::LaneCheckpoint& lane) {
    if (open_.size() >= options_.open_files_max) {
        return found.info.size_bytes == lane.acked_end;  // nothing in it to be read
    }
    if (!claimant_.claim(FileIdentity::of(found.info)).empty()) {
        return true;  // by another input
    }
    TailFile& file = files_.emplace_back();
    file.number = next_number_++;
    by_number_[file.number] = &file;
    file.id = FileIdentity::of(found.info);
    file.path = found.path;
    file.size_bytes = found.info.size_bytes;
    file.modified = found.info.modified;
    file.changed_at = now_;
    file.seen_scan = scan_;
    file.found_first = true;
    const PrefixHash prefix{lane.prefix_bytes, lane.prefix_hash};
    const bool told_apart = lane.birth.value != 0 || lane.prefix_bytes > 0;
    const bool fits = told_apart && file.size_bytes >= lane.acked_end && ensure_open(file) &&
                      prefix.fits(first_bytes_of(file)) &&
                      (lane.acked_end == 0 || tail_hash_at(file, lane.acked_end) == lane.tail_hash);
    if (!fits) {
        release(file);
        return false;
    }
    // As a file renamed while the agent runs: it keeps the name its lines were sent with, and is
    // read through its descriptor.
    counters_.rotations.add();
    log::info(
        "tail",
        fmt::format("{} was renamed to {} while the agent did not run", lane.path, found.path),
        {{"input", options_.id}, {"unread", std::to_string(file.size_bytes - lane.acked_end)}}
    );
    file.path = lane.path;
    file.detached = true;
    by_id_[file.id] = &file;
    enqueue(file);
    return true;
}

void TailReader::report_missing() {
    // (While the collector has not answered, a copy may be held.)
    if (missing_.empty() || now_ < missing_due_ || !to_ask_.empty() || !asks_.empty()) {
        return;
    }
    size_t unnamed = 0;
    size_t named = 0;
    for (const MissingLane& missing : std::exchange(missing_, {})) {
        const auto lane = std::ranges::find(memory_, missing.key, &checkpoint::LaneCheckpoint::key);
        if (lane == memory_.end()) {
            continue;  // it is back, or goes on in a copy
        }
        counters_.lost_bytes.add(missing.unread_bytes);
        if (named == kComplaintsMax) {
            ++unnamed;
        } else if (missing.unread_bytes > 0) {
            const auto bytes = missing.unread_bytes;
            report(
                "lost_bytes",
                fmt::format("{}: {} bytes: renamed and not to be read on from", lane->path, bytes)
            );
            ++named;
        } else {
            report(
                "gone_while_stopped",
                fmt::format(
                    "{} vanished while the agent did not run: what was written to it after byte "
                    "{}, if anything, was not read",
                    lane->path,
                    lane->acked_end
                )
            );
            ++named;
        }
        if (missing.unread_bytes == 0) {
            lane->path.clear();  // said once; the rest is kept in case it comes back
            dirty_ = true;
        }
    }
    if (unnamed > 0) {
        report("gone_while_stopped", fmt::format("and {} files more", unnamed));
    }
}

void TailReader::see(const FoundFile& found) {
    const auto known = by_id_.find(FileIdentity::of(found.info));
    if (known == by_id_.end()) {
        if (const auto former = by_path_.find(found.path); former != by_path_.end()) {
            former->second->replaced = true;
            former->second->changed_at = now_;
        }
        begin(add_file(found));
        return;
    }
    TailFile& file = *known->second;
    if (file.state == FileState::kIgnored && file.covered_end > 0 &&
        found.info.size_bytes > file.covered_end) {
        read_anew(file, found);
        return;
    }
    if (found.path == file.path) {
        file.seen_scan = scan_;
    } else {
        file.other_path = found.path;
        if (!file.handle) {
            // Its descriptor is closed: the next open must not find the successor.
            const auto there = deps_.fs.stat(file.path);
            if (!there || FileIdentity::of(*there) != file.id) {
                move_path(file, found.path);
            }
        }
    }
    const bool grew = found.info.size_bytes != file.size_bytes;
    const bool changed = grew || found.info.modified != file.modified;
    if (found.info.size_bytes < file.size_bytes && file.cut_from == 0) {
        file.cut_from = file.size_bytes;
    }
    file.size_bytes = found.info.size_bytes;
    if (changed) {
        file.modified = found.info.modified;
        file.changed_at = now_;
    }
    if (file.state == FileState::kIgnored) {
        if (file.left_out == LeftOut::kOthers ||
            (file.left_out == LeftOut::kTooOld && !is_too_old(file))) {
            begin(file);
        }
        return;
    }
    if ((changed && !is_told(file, grew)) || !file.suspicions.empty() ||
        file.scanned_end < file.size_bytes) {
        enqueue(file);
    }
}

void TailReader::read_anew(TailFile& ignored, const FoundFile& found) {
    // Nobody appends to a copy: it is a file of its own that began like the other one. Its
    // beginning may be stored twice; nothing of it is lost.
    report_grown_copy(found.path, ignored.covered_end, found.info.size_bytes);
    release(ignored);
    begin(add_file(found));
}

void TailReader::report_grown_copy(const std::string& path, uint64_t from, uint64_t to) {
    report(
        "copy_grew",
        fmt::format(
            "{} was taken for a copy of what was read already, and grew from {} to {} bytes: read "
            "whole, as a file of its own",
            path,
            from,
            to
        )
    );
}

TailFile& TailReader::add_file(const FoundFile& found) {
    TailFile& file = files_.emplace_back();
    file.number = next_number_++;
    file.id = FileIdentity::of(found.info);
    file.path = found.path;
    file.size_bytes = found.info.size_bytes;
    file.modified = found.info.modified;
    file.changed_at = now_;
    file.seen_scan = scan_;
    file.found_first = first_scan_;
    by_number_[file.number] = &file;
    by_path_[file.path] = &file;
    by_id_[file.id] = &file;
    return file;
}

void TailReader::move_path(TailFile& file, const std::string& path) {
    if (const auto at = by_path_.find(file.path); at != by_path_.end() && at->second == &file) {
        by_path_.erase(at);
    }
    counters_.rotations.add();
    complaints_.erase(file.path);
    file.path = path;
    file.seen_scan = scan_;
    file.changed_at = now_;
    file.detached = false;
    dirty_ = true;
    if (const auto there = by_path_.find(path); there != by_path_.end()) {
        there->second->replaced = true;
    }
    by_path_[path] = &file;
}

void TailReader::sweep_unseen() {
    for (TailFile& file : files_) {
        if (file.released || file.state == FileState::kOrphan || file.detached ||
            file.from_memory) {
            continue;
        }
        if (file.seen_scan != scan_ && !file.other_path.empty()) {
            move_path(file, file.other_path);
        }
        file.other_path.clear();
        if (file.seen_scan == scan_) {
            continue;
        }
        // No name of this input leads to it any more.
        counters_.rotations.add();
        file.detached = true;
        file.changed_at = now_;
        if (const auto at = by_path_.find(file.path); at != by_path_.end() && at->second == &file) {
            by_path_.erase(at);
        }
        if (file.handle) {
            enqueue(file);
        } else if (file.state == FileState::kActive || file.state == FileState::kRewind) {
            file.state = FileState::kOrphan;  // a copy of it may turn up
        } else if (file.memory) {
            // Gone before it was agreed on: its lane waits for a copy like others of the last run.
            orphan_remembered(file);
        } else if (file.state == FileState::kIgnored) {
            release(file);  // nothing of it was to be read
        } else {
            give_up(file, "removed before it could be read");
        }
    }
}

void TailReader::check_detached() {
    uint64_t deleted_bytes = 0;
    std::vector<TailFile*> deleted;
    for (TailFile& file : files_) {
        if (file.released) {
            continue;
        }
        if (file.state == FileState::kOrphan && file.settled() &&
            now_ >= file.changed_at + kOrphanKept) {
            give_up(file, "its bytes are gone and no copy of them turned up");
            continue;
        }
        if (file.detached && file.handle) {
            const auto info = file.handle->info();
            if (info && info->size_bytes != file.size_bytes) {
                file.size_bytes = info->size_bytes;
                file.changed_at = now_;
                enqueue(file);
            }
            if (info && info->link_count == 0) {
                if (file.deleted_at == SteadyTime{}) {
                    file.deleted_at = now_;
                }
                file.deleted = true;
                if (options_.deleted_files_hold.count() > 0 &&
                    now_ >= file.deleted_at + options_.deleted_files_hold) {
                    give_up(file, "removed files are let go after deleted_files.hold");
                    continue;
                }
                deleted_bytes += file.size_bytes;
                deleted.push_back(&file);
            }
        }
        end_rotated(file);
    }
    std::ranges::sort(deleted, {}, &TailFile::changed_at);
    const auto over_the_hosts = [&] {
        if (!disk_share_) {
            return false;
        }
        disk_share_->hold(deleted_bytes);
        return disk_share_->excess() > 0;
    };
    for (TailFile* file : deleted) {
        const bool over_mine = deleted_bytes > options_.deleted_files_bytes_max;
        if (!over_the_hosts() && !over_mine) {
            break;
        }
        if (!file->released) {
            deleted_bytes -= file->size_bytes;
            give_up(
                *file,
                over_mine ? "deleted files beyond deleted_files.max_bytes are let go"
                          : "deleted files beyond limits.disk are let go"
            );
        }
    }
    over_the_hosts();
}

void TailReader::end_quiet_line(TailFile& file) {
    const bool waited = options_.partial_line_wait.count() > 0 &&
                        now_ >= file.changed_at + options_.partial_line_wait;
    if (!waited || file.state != FileState::kActive || file.rest_sent || !file.at_end() ||
        has_group(file)) {
        return;  // (a group goes first, when it was quiet for its own time)
    }
    const uint64_t rest = file.size_bytes - std::min(file.size_bytes, file.read_end);
    if (rest > 0 && rest <= options_.max_line_bytes) {
        send_rest(file);
    }
}

void TailReader::end_rotated(TailFile& file) {
    if (!file.detached && !file.replaced) {
        end_quiet_line(file);
        return;
    }
    const Nanos quiet = file.deleted ? std::min<Nanos>(options_.rotated_quiet, kDeletedQuietMax)
                                     : options_.rotated_quiet;
    if (!file.at_end() || now_ < file.changed_at + quiet) {
        return;
    }
    if (file.state == FileState::kActive && !file.rest_sent && file.read_end < file.size_bytes) {
        send_rest(file);
    }
    if (!file.detached) {
        return;
    }
    const bool unread = file.state != FileState::kIgnored && file.size_bytes > 0 &&
                        file.state != FileState::kActive;
    const bool acked = file.acked.offset >= file.submitted_end;
    if (!unread && file.settled() && acked) {
        release(file);
    }
}

void TailReader::give_up(TailFile& file, std::string_view why) {
    const uint64_t end = std::max({file.size_bytes, file.read_end, file.cut_from});
    if (!file.from_memory && end > file.acked.offset) {
        const uint64_t lost = end - file.acked.offset;
        counters_.lost_bytes.add(lost);
        report("lost_bytes", fmt::format("{}: {} bytes: {}", file.path, lost, why));
    }
    release(file);
}

void TailReader::consider_new(TailFile& file) {
    if (file.size_bytes == 0) {
        const auto info = file.handle ? file.handle->info() : deps_.fs.stat(file.path);
        if (!info || info->size_bytes == 0) {
            claim_empty(file);
            return;  // an empty file has no identity but its inode: wait
        }
        file.size_bytes = info->size_bytes;
        file.modified = info->modified;
    }
    std::string first_bytes;
    if (!prepare_new(file, first_bytes)) {
        if (file.size_bytes == 0) {
            claim_empty(file);
        }
        return;
    }
    if (!file.memory && file.suspicions.empty()) {
        file.memory = recall(file, first_bytes);
    }
    if (file.memory && file.memory->complete) {
        if (file.size_bytes <= file.memory->acked_end) {
            file.key = file.memory->key;
            file.acked.offset = file.memory->acked_end;
            file.acked.tail_hash = file.memory->tail_hash;
            file.covered_end = file.size_bytes;
            file.state = FileState::kIgnored;
            close_handle(file);
            return;
        }
        report_grown_copy(file.path, file.memory->acked_end, file.size_bytes);
        file.memory.reset();
    }
    if (!file.memory && is_too_old(file)) {
        leave_out_old(file);
        return;
    }
    if (!file.memory && held_as_copy(file, first_bytes)) {
        return;
    }
    file.suspicions.clear();
    file.cleared.clear();
    file.banner = banner_of(first_bytes);
    ask_about(file);
}

void TailReader::ask_about(TailFile& file) {
    if (file.memory) {
        file.known_before = file.saved = true;
        list_original(file, {file.memory->prefix_bytes, file.memory->prefix_hash});
    }
    file.key = file.memory ? file.memory->key : SourceKey{source_id_of(file.id), 0};
    file.state = FileState::kToAsk;
    to_ask_.push_back(&file);
    dirty_ = true;
}

void TailReader::claim_empty(TailFile& file) {
    if (file.state == FileState::kNew) {
        file.memory = recall(file, {});
    }
    if (file.memory) {
        ask_about(file);  // cut while the agent did not run: its lane waits for a copy
    }
}

bool TailReader::prepare_new(TailFile& file, std::string& first_bytes) {
    if (!ensure_open(file)) {
        return false;
    }
    first_bytes.resize(PrefixHash::kBytesMax);
    const auto got = file.handle->read_at(0, first_bytes);
    if (!got) {
        complain(file, got.error());
        return false;
    }
    first_bytes.resize(*got);
    if (const auto info = file.handle->info()) {
        file.size_bytes = info->size_bytes;
    }
    if (first_bytes.empty()) {
        return false;
    }
    file.prefix = PrefixHash::of(first_bytes);
    if (looks_compressed(first_bytes)) {
        counters_.compressed_files.add();
        file.state = FileState::kIgnored;
        claimant_.give_back(file.id);
        close_handle(file);
        return false;
    }
    return true;
}

std::optional<checkpoint::LaneCheckpoint> TailReader::recall(
    const TailFile& file, std::string_view first_bytes
) {
    const auto fits = [&](const checkpoint::LaneCheckpoint& lane) {
        return PrefixHash{lane.prefix_bytes, lane.prefix_hash}.fits(first_bytes);
    };
    auto at = std::ranges::find_if(memory_, [&](const checkpoint::LaneCheckpoint& lane) {
        return FileIdentity{lane.device, lane.inode, lane.birth} == file.id;
    });
    if (at == memory_.end()) {
        // Device numbers may change with a reboot; inode, birth time and content do not.
        at = std::ranges::find_if(memory_, [&](const checkpoint::LaneCheckpoint& lane) {
            return lane.inode == file.id.inode && lane.birth == file.id.birth &&
                   lane.birth.value != 0 && lane.prefix_bytes > 0 && fits(lane);
        });
    }
    if (at == memory_.end()) {
        return std::nullopt;
    }
    checkpoint::LaneCheckpoint lane = *at;
    *at = std::move(memory_.back());
    memory_.pop_back();
    forget_orphan(lane.key);
    return lane;
}

bool TailReader::ensure_open(TailFile& file) {
    file.used_at = now_;
    if (file.handle) {
        return true;
    }
    if (file.path.empty() || file.detached) {
        return false;
    }
    auto opened = deps_.fs.open(file.path, io::OpenMode::kRead);
    if (!opened) {
        complain(file, opened.error());
        return false;
    }
    const auto info = (*opened)->info();
    if (!info || !info->is_regular || FileIdentity::of(*info) != file.id) {
        // Replaced since it was found: the next scan sees who is who.
        next_scan_ = std::min(next_scan_, std::max(now_, last_scan_ + kScanGapMin));
        return false;
    }
    complaints_.erase(file.path);
    file.handle = *std::move(opened);
    open_.push_back(&file);
    if (open_.size() > options_.open_files_max) {
        close_idle(file);
    }
    return true;
}

void TailReader::close_idle(const TailFile& opened) {
    // A file without a name of ours can only be read through its descriptor: it is kept. Next in
    // worth is one with unread bytes (it might be renamed away before it is opened again).
    const auto worth = [&](const TailFile* file) {
        const bool needed = file->detached || file->replaced || file == &opened;
        const bool unread = file->state == FileState::kActive && !file->at_end();
        return std::tuple(needed, unread, file->used_at);
    };
    // Several at once: where all files are in use in turn, the search is then not made for each.
    const size_t closed_max = open_.size() / 16 + 1;
    const auto end = open_.begin() + static_cast<ptrdiff_t>(closed_max);
    std::ranges::nth_element(open_, end - 1, {}, worth);
    std::erase_if(open_, [&, left = closed_max](TailFile* file) mutable {
        const bool close = left > 0 && !std::get<0>(worth(file));
        left -= left > 0 ? 1 : 0;
        if (close) {
            file->handle.reset();
        }
        return close;
    });
}

void TailReader::close_handle(TailFile& file) {
    if (file.handle) {
        file.handle.reset();
        std::erase(open_, &file);
    }
}

void TailReader::release(TailFile& file) {
    close_handle(file);
    file.released = true;
    released_any_ = true;
    dirty_ = true;
    complaints_.erase(file.path);
    if (const auto at = by_path_.find(file.path); at != by_path_.end() && at->second == &file) {
        by_path_.erase(at);
    }
    if (const auto at = by_id_.find(file.id); at != by_id_.end() && at->second == &file) {
        by_id_.erase(at);
    }
    forget_banner(file);
    unlist_original(file);
    give_back(file);
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// TailReader: copies of files already read (copytruncate, an editor's save, a move between file
// systems). A new file is a copy only if it begins with all bytes consumed of a known file and that
// file then shrinks or vanishes; until that is decided, a look-alike is held for a moment.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

/// How long a look-alike may stand still before it is read as a file of its own.
constexpr auto kSuspicionHeld = std::chrono::seconds(3);
constexpr size_t kCompareBytes = 64 * 1024;
constexpr size_t kCandidatesMax = 10'000;
constexpr size_t kUnrelatedMax = 8;
constexpr size_t kLadderRungs = 16;
constexpr auto kLadderStep = std::chrono::milliseconds(50);
constexpr size_t kBannerBytesMax = 64;
constexpr size_t kHashReadBytes = 256 * 1024;

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

/// "app.log.1", "app.log-20260101" and "app-20260101.log" are named after "app.log".
bool is_named_after(std::string_view path, std::string_view original) {
    const std::string_view name = base_name(original);
    return base_name(path).starts_with(name.substr(0, name.rfind('.')));
}

}  // namespace

uint64_t TailReader::banner_of(std::string_view first_bytes) {
    const size_t line = first_bytes.find('\n');
    const size_t size = line == std::string_view::npos ? kBannerBytesMax : line + 1;
    return tail_hash_of(first_bytes.substr(0, std::min(size, kBannerBytesMax)));
}

void TailReader::remember_banner(TailFile& file) {
    if (!file.indexed) {
        file.indexed = true;
        by_banner_.emplace(file.banner, &file);
    }
}

void TailReader::forget_banner(TailFile& file) {
    if (file.indexed) {
        file.indexed = false;
        const auto [begin, end] = by_banner_.equal_range(file.banner);
        const auto at = std::find_if(begin, end, [&](const auto& e) { return e.second == &file; });
        if (at != end) {
            by_banner_.erase(at);
        }
    }
}

void TailReader::list_original(TailFile& file, const PrefixHash& prefix) {
    if (!file.listed && prefix.length > 0) {
        file.listed = prefix;
        remembered_.add(prefix, file);
    }
}

void TailReader::unlist_original(TailFile& file) {
    if (file.listed) {
        remembered_.remove(*file.listed, file);
        file.listed.reset();
    }
}

void TailReader::put_remembered_first() {
    std::unordered_set<FileIdentity> remembered;
    for (const checkpoint::LaneCheckpoint& lane : memory_) {
        remembered.insert(FileIdentity{lane.device, lane.inode, lane.birth}.lasting());
    }
    std::deque<TailFile*> first;
    std::deque<TailFile*> others;
    for (TailFile* file : ready_) {
        (remembered.contains(file->id.lasting()) ? first : others).push_back(file);
    }
    first.insert(first.end(), others.begin(), others.end());
    ready_ = std::move(first);
}

void TailReader::adopt_memory() {
    for (const checkpoint::LaneCheckpoint& lane : memory_) {
        if (by_id_.contains({lane.device, lane.inode, lane.birth})) {
            continue;
        }
        if (TailFile* orphan = add_orphan(lane)) {
            // The checkpoint may be older than what the store has: a copy is compared with both.
            orphan->state = FileState::kToAsk;
            to_ask_.push_back(orphan);
        }
    }
}

TailFile* TailReader::add_orphan(const checkpoint::LaneCheckpoint& lane) {
    RunningHash consumed;
    const bool has_consumed =
        lane.has_consumed && RunningHash::restore(lane.consumed_state, consumed);
    if (lane.prefix_bytes == 0 || lane.complete) {
        return nullptr;
    }
    TailFile& orphan = files_.emplace_back();
    orphan.number = next_number_++;
    orphan.state = FileState::kOrphan;
    orphan.from_memory = true;
    orphan.path = lane.path;
    orphan.key = lane.key;
    orphan.start = lane.start;
    orphan.read_end = orphan.submitted_end = orphan.scanned_end = lane.acked_end;
    orphan.acked = {lane.acked_end, lane.tail_hash, consumed, has_consumed};
    orphan.consumed = consumed;
    orphan.consumed_valid = has_consumed;
    orphan.prefix = {lane.prefix_bytes, lane.prefix_hash};
    orphan.last_ts = lane.last_ts;
    orphan.store_id = lane.store_id;
    orphan.changed_at = now_;
    orphan.cut = lane.inode == 0;
    by_number_[orphan.number] = &orphan;
    list_original(orphan, orphan.prefix);
    return &orphan;
}

void TailReader::leave_lane(TailFile& file, const pipeline::CommittedLane* stored) {
    // As when it is cut while the agent runs (on_rewritten): the file begins a generation, the lane
    // waits without a file for a copy.
    checkpoint::LaneCheckpoint lane = *std::move(file.memory);
    file.memory.reset();
    unlist_original(file);
    forget_banner(file);
    file.prefix = {};
    file.banner = 0;
    file.ladder.clear();
    file.rest_sent = false;
    file.start = 0;
    file.last_ts = std::max(file.last_ts, lane.last_ts);
    file.rewritten = true;
    file.saved = false;
    lane.inode = 0;
    const bool was_stored = stored != nullptr && stored->known && stored->committed > 0;
    if (lane.acked_end == 0 && !was_stored) {
        return;  // nothing of it was ever taken
    }
    if (TailFile* orphan = add_orphan(lane)) {
        orphan->stored = was_stored ? std::optional(*stored) : std::nullopt;
    }
    memory_.push_back(std::move(lane));
    dirty_ = true;
}

void TailReader::orphan_remembered(TailFile& file) {
    const checkpoint::LaneCheckpoint lane = *std::exchange(file.memory, std::nullopt);
    if (TailFile* orphan = add_orphan(lane)) {
        orphan->after_fork = file.after_fork;
        orphan->state = FileState::kToAsk;
        to_ask_.push_back(orphan);
    }
    memory_.push_back(lane);
    release(file);
}

void TailReader::forget_orphan(SourceKey key) {
    const auto at = std::ranges::find_if(files_, [&](const TailFile& f) {
        return f.from_memory && !f.released && f.key == key;
    });
    if (at != files_.end()) {
        release(*at);
    }
}

bool TailReader::is_undecided(const TailFile& original) const {
    const bool waits = original.state == FileState::kToAsk ||
                       original.state == FileState::kAsking || original.state == FileState::kRewind;
    // One that cannot be read may stay so for ever.
    return waits && !complaints_.contains(original.path);
}

std::vector<TailFile*> TailReader::find_originals(
    const TailFile& file, std::string_view first_bytes
) {
    const auto may_be = [&](const TailFile& other) {
        return &other != &file && !other.released && other.id != file.id &&
               std::ranges::find(file.cleared, other.number) == file.cleared.end();
    };
    const auto may_be_begun = [&](const TailFile& other) {
        return may_be(other) && other.read_end > 0 && other.consumed_valid &&
               (other.prefix.fits(first_bytes) || first_bytes.size() < other.prefix.length);
    };
    std::vector<TailFile*> originals;
    size_t examined = 0;
    const auto [begin, end] = by_banner_.equal_range(banner_of(first_bytes));
    for (auto at = begin; at != end && examined < kCandidatesMax; ++at, ++examined) {
        if (may_be_begun(*at->second)) {
            originals.push_back(at->second);
        }
    }
    // Many files may begin alike. Those named like the new one (app.log, app.log.1) come first; of
    // the others a few are enough.
    const auto related = std::ranges::partition(originals, [&](const TailFile* original) {
        return original->state == FileState::kOrphan || original->deleted ||
               is_named_after(file.path, original->path);
    });
    if (related.size() > kUnrelatedMax) {
        originals.resize(originals.size() - related.size() + kUnrelatedMax);
    }
    const std::vector<TailFile*> remembered = remembered_.find(first_bytes, kCandidatesMax);
    std::ranges::copy_if(remembered, std::back_inserter(originals), [&](const TailFile* other) {
        return may_be(*other);
    });
    return originals;
}

bool TailReader::held_as_copy(TailFile& file, std::string_view first_bytes) {
    if (file.grew_to < file.size_bytes) {
        file.grew_to = file.size_bytes;
        file.grew_at = now_;
    }
    const bool expired = now_ >= file.grew_at + kSuspicionHeld;
    bool held = false;
    const uint64_t failed_before = failed_reads_;
    for (TailFile* original : find_originals(file, first_bytes)) {
        if (is_undecided(*original)) {
            // Whether it was cut is known once the collector has answered where it stands.
            if (std::ranges::find(file.suspicions, original->number, &CopySuspicion::original) ==
                file.suspicions.end()) {
                file.suspicions.push_back({original->number, 0});
            }
            held = true;
            continue;
        }
        notice_cut(*original, file);
        failed_reads_ = failed_before;  // what follows reads the new file alone
        if (original->state == FileState::kOrphan || original->deleted) {
            if (may_take_over(file, *original)) {
                take_over(file, *original);
                return true;
            }
        } else if (!original->replaced && !original->detached && !expired &&
                   (!file.found_first || !original->found_first || original->known_before)) {
            // Whole: hold the look-alike while it is equal and may still be being copied. (A
            // renamed original is not waited for: that is the usual rotation, nobody will cut it.)
            if (compare_more(file, *original)) {
                held = true;
                continue;
            }
            // Not equal; unless it was cut while it was being compared.
            notice_cut(*original, file);
            if (original->state == FileState::kOrphan && may_take_over(file, *original)) {
                take_over(file, *original);
                return true;
            }
        }
        if (failed_reads_ != failed_before) {
            held = true;  // it could not be read: neither a copy nor none
            continue;
        }
        file.cleared.push_back(original->number);
    }
    if (!held) {
        file.suspicions.clear();
        return false;
    }
    next_scan_ = std::min<SteadyTime>(next_scan_, now_ + options_.rescan_interval);
    return true;
}

void TailReader::notice_cut(TailFile& original, const TailFile& suspect) {
    if (original.state != FileState::kActive || !ensure_open(original)) {
        return;
    }
    const auto info = original.handle->info();
    if (info && info->size_bytes < original.read_end) {
        on_rewritten(original, "truncated");
    } else if (info && info->link_count > 0 &&
               content_at(original, original.read_end, original.tail.hash()) == Content::kOther) {
        // Cut and longer again already, before its own turn to be read came.
        on_rewritten(original, "rewritten in place");
    } else if (info && info->link_count == 0) {
        // A file made after the other was removed is a program beginning anew with an equal
        // banner, not a copy. In doubt (same tick of the clock) a line twice beats a line lost.
        original.detached = true;
        original.deleted = suspect.id.birth.value == 0 || suspect.id.birth < info->changed;
    }
}

bool TailReader::compare_more(TailFile& suspect, TailFile& original) {
    auto at = std::ranges::find(suspect.suspicions, original.number, &CopySuspicion::original);
    if (at == suspect.suspicions.end()) {
        suspect.suspicions.push_back({original.number, 0});
        at = std::prev(suspect.suspicions.end());
    }
    if (!ensure_open(original) || !ensure_open(suspect) || !original.handle) {
        return true;  // it may be back at the next look; the time limit holds
    }
    std::string a(kCompareBytes, '\0');
    std::string b(kCompareBytes, '\0');
    while (at->compared_bytes < suspect.size_bytes) {
        const auto in_suspect = suspect.handle->read_at(at->compared_bytes, a);
        const auto in_original = original.handle->read_at(at->compared_bytes, b);
        if (!in_suspect || !in_original) {
            return true;
        }
        const size_t both = std::min(*in_suspect, *in_original);
        if (std::memcmp(a.data(), b.data(), both) != 0) {
            return false;
        }
        at->compared_bytes += both;
        if (both == 0) {
            // The look-alike goes on where the original ends: it is a file of its own.
            return *in_suspect == 0;
        }
    }
    return true;
}

bool TailReader::is_ambiguous(
    const TailFile& copy, const TailFile& original, uint64_t compared_bytes
) const {
    // Of one that is removed while it is open, the times tell (notice_cut).
    const bool is_timed = original.state != FileState::kOrphan && copy.id.birth.value != 0;
    if (compared_bytes >= PrefixHash::kBytesMax || is_timed) {
        return false;
    }
    // A file that was cut was probably copied before: there a little is enough when it is all that
    // was read of it. Of one that vanished nothing says that there ever was a copy.
    const uint64_t read =
        std::max(original.read_end, original.stored ? original.stored->committed : 0);
    return !original.cut || compared_bytes < std::min(read, copy.size_bytes);
}

bool TailReader::may_take_over(TailFile& copy, TailFile& original) {
    const uint64_t compared_bytes = compare_copy(copy, original);
    if (compared_bytes == 0) {
        return false;
    }
    if (!is_ambiguous(copy, original, compared_bytes)) {
        return true;
    }
    counters_.ambiguous.add();
    const bool is_skipped = options_.on_ambiguity == OnAmbiguity::kSkip;
    report(
        "ambiguous_copy",
        fmt::format(
            "{} begins like {}, which vanished: {} (on_ambiguity)",
            copy.path,
            original.path,
            is_skipped ? "taken for a copy; its beginning is not read, and lost if it is none"
                       : "read whole; its beginning is stored twice if it is a copy"
        )
    );
    return is_skipped;
}

std::optional<uint64_t> TailReader::digest_of(TailFile& file, uint64_t bytes) {
    RunningHash hash;
    std::string buffer(kHashReadBytes, '\0');
    while (hash.length() < bytes) {
        const size_t want = std::min<uint64_t>(buffer.size(), bytes - hash.length());
        const auto got = file.handle->read_at(hash.length(), {buffer.data(), want});
        if (!got) {
            note_unreadable(file, got.error());
            return std::nullopt;
        }
        if (*got == 0) {
            return std::nullopt;
        }
        hash.update({buffer.data(), *got});
    }
    return hash.digest();
}

uint64_t TailReader::compare_remembered(TailFile& copy, const TailFile& original) {
    if (!ensure_open(copy) || !original.prefix.fits(first_bytes_of(copy))) {
        return 0;
    }
    const uint64_t stored = original.stored ? original.stored->committed : 0;
    if (copy.size_bytes < original.read_end || original.read_end + stored == 0) {
        return 0;  // nothing is known of as few bytes, or nothing was read
    }
    if (stored > copy.size_bytes && original.read_end < copy.size_bytes) {
        // The store has more than the file holds and the checkpoint knows less: nothing tells
        // whether what follows the first bytes was ever read.
        return 0;
    }
    // Cheap first: only a real copy pays for hashing all of it. Without a running hash (very large
    // files) the first bytes and those before the position decide.
    if (tail_hash_at(copy, original.read_end) != original.acked.tail_hash &&
        original.read_end > 0) {
        return 0;
    }
    uint64_t compared_bytes = std::max<uint64_t>(original.prefix.length, original.read_end);
    if (stored > original.read_end && stored <= copy.size_bytes) {
        if (tail_hash_at(copy, stored) != original.stored->tail_hash) {
            return 0;  // the store has more of the lane than the checkpoint knows, and other bytes
        }
        compared_bytes =
            std::max(compared_bytes, std::min(stored, compared_bytes + kTailHashBytes));
    }
    const bool is_same = original.read_end == 0 || !original.consumed_valid ||
                         digest_of(copy, original.read_end) == original.consumed.digest();
    return is_same ? compared_bytes : 0;
}

uint64_t TailReader::compare_copy(TailFile& copy, const TailFile& original) {
    if (original.from_memory) {
        return compare_remembered(copy, original);
    }
    if (!ensure_open(copy) || !original.consumed_valid) {
        return 0;
    }
    if (copy.size_bytes >= original.read_end) {
        // Cheap first: only a real copy pays for hashing all of it.
        const bool is_same = tail_hash_at(copy, original.read_end) == original.tail.hash() &&
                             digest_of(copy, original.read_end) == original.consumed.digest();
        return is_same ? original.read_end : 0;
    }
    // Shorter: lines were read between the copy and the truncation. All of the copy was consumed.
    const auto compared =
        std::ranges::find(copy.suspicions, original.number, &CopySuspicion::original);
    if (compared != copy.suspicions.end() && compared->compared_bytes >= copy.size_bytes) {
        return copy.size_bytes;
    }
    uint64_t offset = 0;
    uint64_t digest = 0;
    for (const auto& [rung, rung_digest] : original.ladder) {
        if (rung <= copy.size_bytes && rung > offset) {
            offset = rung;
            digest = rung_digest;
        }
    }
    return offset > 0 && digest_of(copy, offset) == digest ? offset : 0;
}

void TailReader::count_cut_bytes(const TailFile& copy, TailFile& original) {
    const uint64_t covered = std::max(copy.size_bytes, original.read_end);
    if (const uint64_t end = std::exchange(original.cut_from, 0); end > covered) {
        counters_.lost_bytes.add(end - covered);
        report(
            "lost_bytes",
            fmt::format(
                "{}: {} bytes: written between the copy {} and the cut",
                original.path,
                end - covered,
                copy.path
            )
        );
    }
}

void TailReader::take_over(TailFile& copy, TailFile& original) {
    flush();
    counters_.copies.add();
    log::info(
        "tail",
        fmt::format("{} is a copy of what was read as {}", copy.path, original.path),
        {{"input", options_.id}, {"bytes", std::to_string(original.read_end)}}
    );
    count_cut_bytes(copy, original);
    close_handle(original);
    if (const auto at = by_id_.find(original.id); at != by_id_.end() && at->second == &original) {
        by_id_.erase(at);
    }
    give_back(original);
    if (const auto at = by_path_.find(original.path);
        at != by_path_.end() && at->second == &original) {
        by_path_.erase(at);
    }
    const bool is_remembered = std::exchange(original.from_memory, false);
    if (is_remembered) {
        std::erase_if(memory_, [&](const auto& lane) { return lane.key == original.key; });
    }
    original.id = copy.id;
    original.path = copy.path;
    original.size_bytes = copy.size_bytes;
    original.changed_at = now_;
    original.detached = original.deleted = false;
    original.replaced = true;  // nobody appends to a copy: its unterminated rest is a line
    original.seen_scan = scan_;
    std::erase(open_, &copy);
    original.handle = std::move(copy.handle);
    open_.push_back(&original);
    by_id_[original.id] = &original;
    by_path_[original.path] = &original;
    release(copy);
    if (is_remembered) {
        original.banner = banner_of(first_bytes_of(original));
    }
    // (An orphan's lines that came back are no longer in flight.)
    const bool failed = (original.settled() && original.acked.offset < original.read_end) ||
                        std::ranges::any_of(original.in_flight, [](const Segment& s) {
                            return s.state == Segment::State::kFailed;
                        });
    original.cut = false;
    // Lines came between the copy and the cut: all of the copy was read (or the store has it).
    const uint64_t stored = is_remembered && original.stored ? original.stored->committed : 0;
    if (original.size_bytes < std::max(original.read_end, stored)) {
        unlist_original(original);
        original.state = FileState::kIgnored;
        original.covered_end = original.size_bytes;
        close_handle(original);
    } else if (failed) {
        original.state = FileState::kRewind;
        advance(original);
    } else if (is_remembered) {
        original.state = FileState::kToAsk;  // agree with the collector first
        original.memory = to_checkpoint(original, deps_.clock.wall_now());
        to_ask_.push_back(&original);
    } else {
        original.state = FileState::kActive;
        enqueue(original);
    }
    // What showed that it is a copy may be gone with this process.
    save_now();
}

void TailReader::climb_ladder(TailFile& file) {
    if (now_ < file.ladder_at + kLadderStep || !file.consumed_valid) {
        return;
    }
    file.ladder_at = now_;
    if (file.ladder.size() == kLadderRungs) {
        file.ladder.erase(file.ladder.begin());
    }
    file.ladder.emplace_back(file.read_end, file.consumed.digest());
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// TailFile: one lane (a source incarnation) and the file its bytes are in. Invariant:
// start <= acked_end <= submitted_end <= read_end <= scanned_end.
// Threads: owned by the reader's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/checkpoint/checkpoint.hpp"
#include "agent/input/tail/file_format.hpp"
#include "agent/input/tail/identity.hpp"
#include "common/io/file_system.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/record/ack_token.hpp"

namespace seyir::agent::input {

/// The last 256 bytes consumed: checked at every read (a file rewritten in place is noticed
/// without a system call of its own) and hashed for SourcePosition::tail_hash.
class TailBytes {
  public:
    void assign(std::string_view consumed);
    /// `consumed` follows what is there.
    void append(std::string_view consumed);

    std::string_view view() const { return {bytes_.data(), size_}; }

    uint64_t hash() const { return tail_hash_of(view()); }

  private:
    std::array<char, kTailHashBytes> bytes_;
    uint16_t size_ = 0;
};

/// A place in the lane from which reading can go on.
struct Mark {
    uint64_t offset = 0;
    uint64_t tail_hash = 0;
    RunningHash consumed;
    bool consumed_valid = true;  ///< false: `consumed` does not cover all bytes before `offset`
};

/// A stretch of the lane in a batch that was handed on.
struct Segment {
    enum class State : uint8_t { kPending, kDone, kFailed };

    uint64_t batch_id = 0;
    Mark end;
    SteadyTime since;  ///< its oldest byte was there
    State state = State::kPending;
};

enum class FileState : uint8_t {
    kNew,      ///< empty, or not yet told from a copy
    kToAsk,    ///< waits to be asked about at the collector
    kAsking,   ///< the question is under way
    kActive,   ///< is read
    kRewind,   ///< waits for its last batch in flight, then goes back
    kOrphan,   ///< its bytes are gone from the file; a copy may yet turn up
    kIgnored,  ///< compressed, left out, or a copy of a lane that goes on elsewhere
};

/// Why nothing is read of a file though it matches; looked at again.
enum class LeftOut : uint8_t {
    kNot,
    kTooOld,  ///< not changed for ignore_older: it is not even opened
    kOthers,  ///< another input of this agent reads it
};

/// A held new file that may turn out to be a copy of a known one.
struct CopySuspicion {
    uint64_t original = 0;        ///< lane number of the file it resembles
    uint64_t compared_bytes = 0;  ///< equal so far, compared byte by byte
};

/// Lines at read_end that belong together and may go on; read again until they are one record.
struct LineGroup {
    uint64_t begin = 0;        ///< valid while this is read_end
    uint64_t scanned = 0;      ///< behind its last complete line
    uint64_t seen_end = 0;     ///< how far the file went when last read
    uint32_t lines = 0;        ///< 0: none
    uint16_t begin_state = 0;  ///< not 0: it continues a group that was cut at its bounds
    uint16_t state = 0;        ///< after `lines`
    SteadyTime grew_at;
};

struct TailFile {
    uint64_t number = 0;  ///< unique in this reader
    FileState state = FileState::kNew;
    LeftOut left_out = LeftOut::kNot;  ///< of a kIgnored one
    FileIdentity id;
    std::string path;
    std::unique_ptr<io::File> handle;

    SourceKey key;
    uint64_t start = 0;
    bool lane_start_next = false;  ///< the next origin says that the lane begins there on purpose
    Mark acked;
    uint64_t submitted_end = 0;
    uint64_t read_end = 0;
    uint64_t scanned_end = 0;  ///< no line ends between read_end and here
    RunningHash consumed;      ///< of [0, read_end)
    bool consumed_valid = true;
    TailBytes tail;  ///< before read_end
    PrefixHash prefix;
    UnixNanos last_ts;
    std::vector<Segment> in_flight;
    std::optional<LaneVerdict> verdict;                ///< where the store wants kRewind to go
    std::optional<checkpoint::LaneCheckpoint> memory;  ///< from the last run; until planned
    StoreId store_id;                                  ///< the store acked was agreed with
    /// Of a lane of the last run whose file is gone: how far the store has it.
    std::optional<pipeline::CommittedLane> stored;
    std::optional<PrefixHash> listed;  ///< its key in the index of what only a prefix is known of
    bool found_first = false;          ///< there when the input started
    bool known_before = false;         ///< and in the checkpoint of the last run
    bool saved = false;  ///< the checkpoint on disk names this lane and what identifies its file
    bool cut = false;    ///< an orphan whose file is there, with other bytes; else it vanished
    bool rewritten = false;  ///< the next question is about a new generation
    bool after_fork = false;
    bool recheck = false;  ///< the store changed: ask again once nothing is under way
    std::optional<SteadyTime> over_long_said;
    LineGroup group;
    bool cutting_over_long = false;  ///< in the middle of a split line: it is counted once
    /// Places where reading paused, with the hash up to there: to know a copy that is shorter than
    /// what was consumed (lines that came between the copy and the truncation).
    std::vector<std::pair<uint64_t, uint64_t>> ladder;
    SteadyTime ladder_at;

    uint64_t size_bytes = 0;                 ///< when last looked
    std::optional<SteadyTime> unread_since;  ///< bytes before unread_to were unread then
    uint64_t unread_to = 0;
    /// Of a kIgnored copy: its size when it was found to hold nothing new. Beyond it is unread.
    uint64_t covered_end = 0;
    uint64_t cut_from = 0;  ///< size before it was seen to be shorter; 0: not seen
    UnixNanos modified;
    bool detached = false;  ///< no path of this input leads to it any more
    bool deleted = false;   ///< and its last name is gone
    bool replaced = false;  ///< its former path leads to another file
    SteadyTime deleted_at;  ///< when it was seen that its last name is gone
    SteadyTime changed_at;  ///< last growth, rename or deletion
    SteadyTime used_at;     ///< for closing idle descriptors
    bool queued = false;
    bool released = false;     ///< to be removed once nothing refers to it
    bool from_memory = false;  ///< an orphan of the last run; its checkpoint is kept elsewhere
    bool rest_sent = false;    ///< the unterminated rest of a rotated file was handed on
    bool indexed = false;      ///< in the index of originals
    uint64_t banner = 0;       ///< hash of the first line: key of the index of originals
    uint64_t seen_scan = 0;
    uint64_t told_scan = 0;  ///< the last scan before the watch told of a change
    bool untold = false;     ///< it changed, a scan found out, and the watch has not told since
    std::string other_path;  ///< found in this scan under another name
    std::vector<CopySuspicion> suspicions;  ///< not empty: it is held
    uint64_t grew_to = 0;                   ///< size when it last grew, while held
    SteadyTime grew_at;
    std::vector<uint64_t> cleared;  ///< lanes it was found not to be a copy of

    FileFormat::FileLabels labels{nullptr, false};  ///< where the input has a format

    uint64_t origin_batch = 0;  ///< batch that has an origin of this lane open
    uint16_t origin = 0;

    bool at_end() const { return scanned_end >= size_bytes; }

    bool settled() const { return in_flight.empty(); }

    Mark mark() const { return {read_end, tail.hash(), consumed, consumed_valid}; }
};

checkpoint::LaneCheckpoint to_checkpoint(const TailFile& file, UnixNanos now);

}  // namespace seyir::agent::input

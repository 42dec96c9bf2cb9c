// SPDX-License-Identifier: Apache-2.0
// TailOptions: what an operator can say about one `tail` input. Plain data; config maps YAML to it.
// Limits: every field has a default that is safe on a small host.
// Format/spec: docs/guide/tailing.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/input/tail/file_format.hpp"
#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/multiline/rules.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::agent::input {

/// Where to begin in a file no checkpoint and no collector knows.
enum class StartAt : uint8_t {
    kBeginning,  ///< the default: nothing is skipped
    kEnd,        ///< only on the first start of this input; files that appear later are read whole
};

/// What to do with a line longer than `max_line_bytes`.
enum class OverLong : uint8_t {
    kSplit,     ///< several records of at most `max_line_bytes`; nothing is lost
    kTruncate,  ///< the first `max_line_bytes` become the record; the rest is counted and left out
    kDrop,      ///< the line is counted and left out
};

/// A new file begins with all that was read of one that vanished, and neither bytes nor times tell
/// whether it is a copy.
enum class OnAmbiguity : uint8_t {
    kResend,  ///< it is read from its beginning: lines may be stored twice, none is lost
    kSkip,    ///< it is taken for the copy: its beginning is not read again
};

struct TailOptions {
    std::string id;                    ///< the input's name in the configuration
    std::vector<std::string> include;  ///< absolute globs: `*` `?` `[a-z]` `**`
    std::vector<std::string> exclude;  ///< globs; a path that matches one is not read
    StartAt start_at = StartAt::kBeginning;
    uint64_t max_line_bytes = kMiB;  ///< without the terminator; 1 KiB to 1 MiB
    OverLong over_long = OverLong::kSplit;
    /// Files not changed for longer than this are not started (0: all are); known ones go on.
    Nanos ignore_older{0};
    Nanos rescan_interval = std::chrono::seconds(1);
    uint64_t read_chunk_bytes = 256 * kKiB;  ///< read from one file before the next one's turn
    uint64_t batch_raw_bytes = kMiB;         ///< a batch is handed on when it holds this much
    Nanos batch_delay = std::chrono::milliseconds(100);  ///< or when its first line is this old
    /// Bytes a second read from all files together (0: as fast as outputs take them).
    uint64_t rate_bytes_max = 0;
    uint64_t in_flight_bytes_max = 32 * kMiB;  ///< memory of batches no output has answered yet
    /// A last line without its line break is handed on once the file has been quiet for this long
    /// (0: never). A line break that comes later ends it and makes no empty line.
    Nanos partial_line_wait = std::chrono::seconds(5);
    /// A rotated or deleted file is let go once it is at its end, acknowledged and quiet for:
    Nanos rotated_quiet = std::chrono::seconds(30);
    /// A removed file is let go after this time though not all of it was acknowledged (0: never).
    Nanos deleted_files_hold{0};
    uint64_t deleted_files_bytes_max =
        kGiB;  ///< disk they may occupy; beyond, the oldest goes, counted
    OnAmbiguity on_ambiguity = OnAmbiguity::kResend;
    size_t open_files_max = 4'096;  ///< more files than this: idle ones are closed
    size_t files_max = 100'000;     ///< files beyond this are not read, counted
    /// Which lines are one record; without rules every line is. A group that may go on stays
    /// unread: positions end where it begins.
    multiline::Multiline multiline;
    /// `host`, `input`, `service_name` and the configured labels; the same for all files unless
    /// `format` says otherwise.
    StreamLabelsPtr labels;
    std::shared_ptr<FileFormat> format;  ///< nullptr: a line is a record as it is
};

}  // namespace seyir::agent::input

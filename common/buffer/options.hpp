// SPDX-License-Identifier: Apache-2.0
// What the configuration says of the buffer in front of an output, and of trying again: the keys
// `buffer` and `retry`, the same for every output that has them.
// Room: ObjectReader -> BufferOptions, RetryOptions.
// Threads: schemas are immutable; readers run on the loading thread.
// Errors: none here; the schema reported them. check_buffer() finds values that do not fit.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/config/diagnostics/diagnostics.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::buffer {

/// One disk buffer holds at least two segments, so that one can be deleted while one is written.
inline constexpr uint64_t kDiskBytesMin = 32 * kMiB;
inline constexpr uint64_t kMemoryBytesMin = kMiB;

struct BufferOptions {
    enum class Kind {
        kNone,    ///< batches go straight to the output
        kMemory,  ///< rows wait in memory; the source is answered when the far side has them
        kDisk,    ///< the source is answered once rows are in the buffer's files
        kSpool,   ///< kDisk for batches without positions; others go straight to the output
    };
    enum class WhenFull {
        kBlock,       ///< answers are held back until there is room: the source waits
        kDropOldest,  ///< counted with reason buffer_full
        kDropNewest,  ///< counted with reason buffer_full
    };
    enum class Sync {
        kAck,       ///< an answer waits for fdatasync
        kInterval,  ///< fdatasync every sync_interval; a power cut loses what was answered since
        kOs,        ///< the kernel decides; a power cut loses what was answered lately
    };

    bool is_on_disk() const { return kind == Kind::kDisk || kind == Kind::kSpool; }

    Kind kind = Kind::kNone;
    uint64_t max_size_bytes = 0;
    WhenFull when_full = WhenFull::kBlock;
    Sync sync = Sync::kAck;
    Nanos sync_interval = std::chrono::seconds(1);
    std::string path;             ///< of the folder; "" = STATE_DIR/buffer/ID
    uint64_t free_bytes_min = 0;  ///< appends wait while the file system has less than this
    uint32_t in_flight_max = 0;   ///< deliveries the output has at once; 0 = what the output likes
};

struct RetryOptions {
    Nanos initial = std::chrono::milliseconds(500);
    Nanos max = std::chrono::seconds(60);
    Nanos give_up_after{0};     ///< since the first attempt; 0 = never
    uint32_t attempts_max = 0;  ///< 0 = no limit

    bool gives_up() const { return give_up_after > Nanos(0) || attempts_max != 0; }
};

/// The key `buffer`. `kind` is the type's default when `buffer.type` is not given; with kSpool
/// there is no choice of a type.
config::Field buffer_field(BufferOptions::Kind kind);
/// The key `retry`.
config::Field retry_field();

/// `kind` as given to buffer_field().
BufferOptions read_buffer(const config::ObjectReader& r, BufferOptions::Kind kind);
RetryOptions read_retry(const config::ObjectReader& r);

/// Whether the type tries again by the key `retry` of retry_field(); others have their own.
bool has_retry_field(const config::Schema& type);

/// Values that are right alone and wrong together become diagnostics.
void check_buffer(
    const config::ObjectReader& r,
    const BufferOptions& options,
    const std::string& output_id,
    config::Diagnostics& diagnostics
);
void check_retry(
    const config::ObjectReader& r, const std::string& output_id, config::Diagnostics& diagnostics
);

}  // namespace seyir::buffer

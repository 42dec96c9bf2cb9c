// SPDX-License-Identifier: Apache-2.0
// What tells one file from another: device, inode and birth time; the hash of its first bytes; the
// running hash of what was consumed; the hash of the bytes before a position.
// Threads: plain values.   Format/spec: docs/guide/tailing.md, "Identity".
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "common/base/time.hpp"
#include "common/io/file_system.hpp"
#include "common/record/ids.hpp"
#include "common/record/position.hpp"

namespace seyir::agent::input {

struct FileIdentity {
    uint64_t device = 0;
    uint64_t inode = 0;
    UnixNanos birth;

    auto operator<=>(const FileIdentity&) const = default;

    static FileIdentity of(const io::FileInfo& info) {
        return {info.device, info.inode, info.birth};
    }

    /// Device numbers may change with a reboot; inode and birth time do not.
    FileIdentity lasting() const { return {birth.value != 0 ? 0 : device, inode, birth}; }
};

/// XXH3-128 of the identity. Deterministic, so that the collector's positions still fit after the
/// agent's state was deleted. A rewrite in place keeps the source and raises the generation.
SourceId source_id_of(const FileIdentity& identity);

/// XXH3-64 of the at most 256 last bytes of `bytes` (SourcePosition::tail_hash).
uint64_t tail_hash_of(std::string_view bytes);

/// The hash of the first `length` bytes of a file; `length` grows with the file up to kBytesMax.
struct PrefixHash {
    static constexpr uint32_t kBytesMax = 1024;

    uint32_t length = 0;
    uint64_t hash = 0;

    bool operator==(const PrefixHash&) const = default;

    static PrefixHash of(std::string_view first_bytes);
    /// True when the file that begins with `first_bytes` may be the one this was taken of. Always
    /// true while nothing was hashed.
    bool fits(std::string_view first_bytes) const;
};

/// XXH64 over everything consumed since byte 0 of a file, kept as a small state that can be saved
/// and continued. (XXH3's state is six times larger; ten thousand files have one each.)
class RunningHash {
  public:
    static constexpr size_t kStateWords = 11;
    using State = std::array<uint64_t, kStateWords>;

    RunningHash();
    void update(std::string_view bytes);
    uint64_t digest() const;

    uint64_t length() const { return state_[0]; }

    const State& state() const { return state_; }

    /// A state that was not made by this class gives nothing.
    static bool restore(const State& state, RunningHash& into);

  private:
    /// Words: total length, the four accumulators, 32 buffered bytes, their count, unused.
    State state_;
};

/// How a file that holds compressed bytes begins (gzip, zstd, bzip2, xz, lz4); such files are
/// rotated logs that were read before they were compressed, and are never read.
bool looks_compressed(std::string_view first_bytes);

}  // namespace seyir::agent::input

template <>
struct std::hash<seyir::agent::input::FileIdentity> {
    size_t operator()(const seyir::agent::input::FileIdentity& id) const noexcept {
        const auto birth = static_cast<uint64_t>(id.birth.value);
        return (id.inode * 0x9e3779b97f4a7c15ULL) ^ (id.device << 32) ^ birth;
    }
};

// SPDX-License-Identifier: Apache-2.0
// The filter of a segment file: for each group of its blocks a table of bits, a row per hash and a
// bit per block in it, so that a key costs two short reads for all blocks together.
// Room: keys of blocks -> bytes; bytes + KeyTree -> blocks that may hold a needle.
// Threads: one owner each.   Errors: kCorrupt, kUnsupported: the blocks of the group must be read.
// Memory: a builder holds up to kHeldKeysMax keys and what is finished.
// Format: docs/format/segment.md ("Filter").
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/gram/key_tree.hpp"
#include "common/base/result.hpp"

namespace seyir::store::gram {

inline constexpr size_t kHeldKeysMax = size_t{2} << 20;
inline constexpr uint32_t kBitsPerKeyTenths = 40;
inline constexpr size_t kPageBytes = 4096;
inline constexpr uint32_t kRowsMin = 64;
/// More than any writer makes, few enough to hold a table in memory while it is built.
inline constexpr uint32_t kRowsMax = uint32_t{1} << 22;
inline constexpr uint32_t kBlocksMax = 4096;
inline constexpr size_t kGroupsMax = 65536;

/// Blocks first_block .. first_block + blocks - 1 of the segment.
struct Group {
    uint32_t first_block = 0;
    uint32_t blocks = 0;
    uint32_t rows = 0;

    bool operator==(const Group&) const = default;

    size_t row_bytes() const { return (blocks + 7) / 8; }

    uint32_t rows_per_page() const { return static_cast<uint32_t>(kPageBytes / row_bytes()); }

    uint32_t pages() const { return (rows + rows_per_page() - 1) / rows_per_page(); }
};

std::string encode(std::span<const Group> groups);
Result<std::vector<Group>> decode_directory(std::string_view bytes);

class FilterBuilder {
  public:
    /// Keys of the next block, from number 0 on.
    void add_block(std::vector<Key> keys);

    struct Filter {
        std::vector<Group> groups;
        /// pages[g][p]: rows of group g, with their checksum behind them.
        std::vector<std::vector<std::string>> pages;
    };

    Filter finish();

  private:
    void end_group();

    Filter filter_;
    std::vector<std::vector<Key>> held_;
    size_t held_keys_ = 0;
    uint32_t next_block_ = 0;
};

/// Bit b: block group.first_block + b may hold the needle.
using BlockBits = std::vector<uint64_t>;

/// Gives the stored bytes of a page of the group being asked.
using ReadPage = std::function<Result<std::string>(uint32_t page)>;

Result<BlockBits> find_blocks(
    const Group& group, uint32_t group_number, const KeyTree& tree, const ReadPage& read_page
);

}  // namespace seyir::store::gram

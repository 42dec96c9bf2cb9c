// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <xxhash.h>

#include "collector/store/gram/page.hpp"
#include "collector/store/gram/segment_filter.hpp"

namespace seyir::store::gram {
namespace {

/// Between what the usual and what the fullest block needs.
uint32_t rows_for(const std::vector<std::vector<Key>>& blocks, size_t keys) {
    size_t most = 0;
    for (const auto& block : blocks) {
        most = std::max(most, block.size());
    }
    const size_t usual = keys / blocks.size();
    const size_t rows = (usual + most) / 2 * kBitsPerKeyTenths / 10;
    return static_cast<uint32_t>(std::clamp<size_t>(rows, kRowsMin, kRowsMax));
}

/// Bit j of byte i becomes bit i of byte j.
uint64_t transpose8(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaU;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000ccccU;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0U;
    return x ^ t ^ (t << 28);
}

/// A bit per row, of eight blocks one behind the other.
class EightBlocks {
  public:
    explicit EightBlocks(uint32_t rows) : rows_(rows), bytes_((rows + 7) / 8), bits_(8 * bytes_) {}

    void clear() { std::ranges::fill(bits_, 0); }

    void set(size_t block, std::span<const Key> keys) {
        uint8_t* bits = bits_.data() + block * bytes_;
        for (const Key key : keys) {
            const uint32_t first = first_row(key, rows_);
            const uint32_t second = second_row(key, rows_);
            bits[first / 8] |= static_cast<uint8_t>(1U << (first % 8));
            bits[second / 8] |= static_cast<uint8_t>(1U << (second % 8));
        }
    }

    /// Writes byte `column` of every row.
    void write(std::string& table, size_t row_bytes, size_t column) const {
        for (size_t byte = 0; byte < bytes_; ++byte) {
            uint64_t square = 0;
            for (size_t block = 0; block < 8; ++block) {
                square |= static_cast<uint64_t>(bits_[block * bytes_ + byte]) << (8 * block);
            }
            square = transpose8(square);
            const size_t rows = std::min<size_t>(8, rows_ - byte * 8);
            for (size_t row = 0; row < rows; ++row) {
                table[(byte * 8 + row) * row_bytes + column] =
                    static_cast<char>(square >> (8 * row));
            }
        }
    }

  private:
    uint32_t rows_;
    size_t bytes_;
    std::vector<uint8_t> bits_;
};

}  // namespace

void FilterBuilder::add_block(std::vector<Key> keys) {
    const bool is_full = held_keys_ + keys.size() > kHeldKeysMax || held_.size() == kBlocksMax;
    if (is_full && !held_.empty()) {
        end_group();
    }
    held_keys_ += keys.size();
    held_.push_back(std::move(keys));
}

void FilterBuilder::end_group() {
    Group group;
    group.first_block = next_block_;
    group.blocks = static_cast<uint32_t>(held_.size());
    group.rows = rows_for(held_, held_keys_);
    std::string table(group.rows * group.row_bytes(), '\0');
    EightBlocks eight(group.rows);
    for (size_t block = 0; block < held_.size(); block += 8) {
        eight.clear();
        for (size_t i = block; i < std::min(block + 8, held_.size()); ++i) {
            eight.set(i - block, held_[i]);
        }
        eight.write(table, group.row_bytes(), block / 8);
    }
    const auto number = static_cast<uint32_t>(filter_.groups.size());
    const size_t page_bytes = group.rows_per_page() * group.row_bytes();
    auto& pages = filter_.pages.emplace_back();
    for (size_t at = 0; at < table.size(); at += page_bytes) {
        const auto page = static_cast<uint32_t>(pages.size());
        pages.push_back(seal_page(table.substr(at, page_bytes), number, page));
    }
    filter_.groups.push_back(group);
    next_block_ += group.blocks;
    held_.clear();
    held_keys_ = 0;
}

FilterBuilder::Filter FilterBuilder::finish() {
    if (!held_.empty()) {
        end_group();
    }
    next_block_ = 0;
    return std::exchange(filter_, {});
}

}  // namespace seyir::store::gram

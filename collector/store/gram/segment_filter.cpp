// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/segment_filter.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <xxhash.h>

#include "collector/store/gram/page.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::store::gram {
namespace {

constexpr std::string_view kMagic = "SF";
constexpr uint8_t kVersion = 1;
// Of one question to one group; more are read again when needed again.
constexpr size_t kPagesKept = 64;

void keep_common(BlockBits& bits, const BlockBits& other) {
    for (size_t i = 0; i < bits.size(); ++i) {
        bits[i] &= other[i];
    }
}

bool is_empty(const BlockBits& bits) {
    return std::ranges::all_of(bits, [](uint64_t word) { return word == 0; });
}

/// One question to one group.
class Probe {
  public:
    Probe(const Group& group, uint32_t number, const ReadPage& read_page)
        : group_(group), number_(number), read_page_(read_page) {}

    Result<BlockBits> find(const KeyTree& tree) {
        switch (tree.kind) {
            case KeyTree::Kind::kAnything:
                return all();
            case KeyTree::Kind::kKeys:
                return find_keys(tree.keys);
            case KeyTree::Kind::kAll:
                return find_all(tree.parts);
            case KeyTree::Kind::kAny:
                return find_any(tree.parts);
        }
        return all();
    }

  private:
    BlockBits none() const { return BlockBits((group_.blocks + 63) / 64); }

    BlockBits all() const {
        BlockBits bits = none();
        for (uint32_t i = 0; i < group_.blocks; ++i) {
            bits[i / 64] |= uint64_t{1} << (i % 64);
        }
        return bits;
    }

    Result<BlockBits> find_keys(const std::vector<Key>& keys) {
        BlockBits bits = all();
        for (const Key key : keys) {
            for (const uint32_t row : {first_row(key, group_.rows), second_row(key, group_.rows)}) {
                SEYIR_TRY(const BlockBits has, read_row(row));
                keep_common(bits, has);
                if (is_empty(bits)) {
                    return bits;
                }
            }
        }
        return bits;
    }

    Result<BlockBits> find_all(const std::vector<KeyTree>& parts) {
        BlockBits bits = all();
        for (const KeyTree& part : parts) {
            SEYIR_TRY(const BlockBits has, find(part));
            keep_common(bits, has);
            if (is_empty(bits)) {
                break;
            }
        }
        return bits;
    }

    Result<BlockBits> find_any(const std::vector<KeyTree>& parts) {
        BlockBits bits = none();
        for (const KeyTree& part : parts) {
            SEYIR_TRY(const BlockBits has, find(part));
            for (size_t i = 0; i < bits.size(); ++i) {
                bits[i] |= has[i];
            }
        }
        return bits;
    }

    Result<BlockBits> read_row(uint32_t row) {
        const uint32_t page = row / group_.rows_per_page();
        SEYIR_TRY(const std::string_view rows, rows_of(page));
        const size_t at = (row % group_.rows_per_page()) * group_.row_bytes();
        BlockBits bits = none();
        std::memcpy(bits.data(), rows.data() + at, group_.row_bytes());
        return bits;
    }

    Result<std::string_view> rows_of(uint32_t page) {
        auto at = pages_.find(page);
        if (at == pages_.end()) {
            if (pages_.size() == kPagesKept) {
                pages_.clear();
            }
            SEYIR_TRY(std::string bytes, read_page_(page));
            at = pages_.emplace(page, std::move(bytes)).first;
        }
        const uint32_t first = page * group_.rows_per_page();
        const size_t rows = std::min(group_.rows - first, group_.rows_per_page());
        return open_page(at->second, rows * group_.row_bytes(), number_, page);
    }

    const Group& group_;
    uint32_t number_;
    const ReadPage& read_page_;
    std::map<uint32_t, std::string> pages_;
};

}  // namespace

std::string encode(std::span<const Group> groups) {
    std::string out(kMagic);
    out += static_cast<char>(kVersion);
    out += static_cast<char>(kHashesPerKey);
    codec::append_varint(out, groups.size());
    for (const Group& group : groups) {
        codec::append_varint(out, group.blocks);
        codec::append_varint(out, group.rows);
    }
    codec::append_le(out, XXH3_64bits(out.data(), out.size()));
    return out;
}

Result<std::vector<Group>> decode_directory(std::string_view bytes) {
    codec::Reader reader(bytes);
    if (reader.bytes(kMagic.size()) != kMagic) {
        return fail(ErrorCode::kCorrupt, "filter does not begin with \"SF\"");
    }
    const uint8_t version = reader.u8();
    const uint8_t hashes = reader.u8();
    if (version != kVersion || hashes != kHashesPerKey) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("filter has version {} with {} hashes, not known here", version, hashes)
        );
    }
    std::vector<Group> groups;
    const uint64_t count = reader.varint_up_to(std::min(kGroupsMax, reader.left()));
    uint64_t next_block = 0;
    bool is_sound = true;
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
        Group group;
        group.first_block = static_cast<uint32_t>(next_block);
        group.blocks = static_cast<uint32_t>(reader.varint_up_to(kBlocksMax));
        group.rows = static_cast<uint32_t>(reader.varint_up_to(kRowsMax));
        next_block += group.blocks;
        is_sound = is_sound && group.blocks != 0 && group.rows >= kRowsMin;
        groups.push_back(group);
    }
    const size_t summed = reader.offset();
    const auto sum = reader.le<uint64_t>();
    if (!reader.ok() || reader.left() != 0 || !is_sound || next_block > UINT32_MAX ||
        sum != XXH3_64bits(bytes.data(), summed)) {
        return fail(ErrorCode::kCorrupt, "the directory of a filter is damaged");
    }
    return groups;
}

Result<BlockBits> find_blocks(
    const Group& group, uint32_t group_number, const KeyTree& tree, const ReadPage& read_page
) {
    return Probe(group, group_number, read_page).find(tree);
}

}  // namespace seyir::store::gram

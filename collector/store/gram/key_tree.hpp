// SPDX-License-Identifier: Apache-2.0
// KeyTree: which keys a block's filter must have for a needle to be in the block.
// Room: Needle -> KeyTree.
// Threads: pure functions, plain values.   Soundness: a block that holds what the needle asks for
// has the keys; texts without a key of their own ask for nothing.
// Limits: kKeysPerTextMax keys a text, kDepthMax levels; what is beyond asks for nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/store/gram/hash.hpp"
#include "common/base/needle.hpp"

namespace seyir::store::gram {

/// More keys make no block less likely to pass, but each costs two reads a segment.
inline constexpr size_t kKeysPerTextMax = 16;
inline constexpr int kDepthMax = 64;

struct KeyTree {
    enum class Kind : uint8_t { kAnything, kKeys, kAll, kAny };

    Kind kind = Kind::kAnything;
    std::vector<Key> keys;  ///< kKeys: all of them
    std::vector<KeyTree> parts;

    bool operator==(const KeyTree&) const = default;
};

KeyTree make_key_tree(const Needle& needle);

}  // namespace seyir::store::gram

// SPDX-License-Identifier: Apache-2.0
#include "common/record/arena.hpp"

#include <algorithm>
#include <cstring>

namespace seyir {

char* Arena::allocate(size_t bytes, size_t align) {
    if (!chunks_.empty()) {
        Chunk& last = chunks_.back();
        const size_t at = (used_in_last_ + align - 1) & ~(align - 1);
        if (at + bytes <= last.size) {
            used_in_last_ = at + bytes;
            return last.bytes.get() + at;
        }
    }
    // Default-initialised on purpose: the caller fills it. new[] of char is aligned to 16.
    const size_t size = std::max(bytes, chunk_bytes_);
    chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    size_bytes_ += size;
    used_in_last_ = bytes;
    return chunks_.back().bytes.get();
}

Slice Arena::copy(Slice bytes) {
    if (bytes.empty()) {
        return {};
    }
    char* place = allocate(bytes.size());
    std::memcpy(place, bytes.data(), bytes.size());
    return {place, bytes.size()};
}

void Arena::adopt(std::shared_ptr<const void> buffer, size_t bytes) {
    adopted_.push_back(std::move(buffer));
    size_bytes_ += bytes;
}

}  // namespace seyir

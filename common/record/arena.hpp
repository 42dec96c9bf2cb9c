// SPDX-License-Identifier: Apache-2.0
// Arena: the memory of one batch. Bytes put in stay where they are until the arena dies.
// Threads: one writer; readers after the batch is built.   Cost: bump allocation.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/record/slice.hpp"

namespace seyir {

class Arena {
  public:
    explicit Arena(size_t chunk_bytes = 64 * 1024) : chunk_bytes_(chunk_bytes) {}

    Arena(Arena&&) = default;
    Arena& operator=(Arena&&) = default;

    /// Uninitialised bytes, aligned to `align` (a power of two, at most 16).
    char* allocate(size_t bytes, size_t align = 1);
    /// A copy that lives as long as the arena.
    Slice copy(Slice bytes);
    /// Keeps somebody else's buffer alive as long as the arena; slices may point into it.
    void adopt(std::shared_ptr<const void> buffer, size_t bytes);

    template <class T>
    T* allocate_array(size_t count) {
        static_assert(alignof(T) <= 16);
        return reinterpret_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    }

    /// Bytes held, adopted buffers included.
    size_t size_bytes() const { return size_bytes_; }

  private:
    struct Chunk {
        std::unique_ptr<char[]> bytes;
        size_t size = 0;
    };

    size_t chunk_bytes_;
    std::vector<Chunk> chunks_;
    std::vector<std::shared_ptr<const void>> adopted_;
    size_t used_in_last_ = 0;
    size_t size_bytes_ = 0;
};

}  // namespace seyir

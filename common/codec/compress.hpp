// SPDX-License-Identifier: Apache-2.0
// LZ4 blocks and zstd frames, sans-IO. Contexts are kept between calls, so a steady stream of
// batches allocates nothing.
// Threads: one owner at a time (the free functions are thread-safe).
// Errors: kCorrupt for bytes that do not decompress to exactly the stated size; kTooLarge for an
// input beyond what the format takes; never trusts a size inside the bytes.
// Format: LZ4 block format 1.5 (no frame); zstd RFC 8878 without checksum, content size stated.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::codec {

/// Room that compressing `raw_bytes` can need in the worst case.
size_t lz4_bound_bytes(size_t raw_bytes);
size_t zstd_bound_bytes(size_t raw_bytes);

class Lz4Compressor {
  public:
    Lz4Compressor();
    ~Lz4Compressor();
    Lz4Compressor(Lz4Compressor&&) noexcept;
    Lz4Compressor& operator=(Lz4Compressor&&) noexcept;

    /// Bytes written to `into`, which has lz4_bound_bytes(raw.size()) of room. A greater
    /// acceleration is faster and compresses less (1 = LZ4's default).
    Result<size_t> compress(std::string_view raw, std::span<char> into, int acceleration);

  private:
    std::unique_ptr<char[]> state_;
};

class ZstdCompressor {
  public:
    ZstdCompressor();
    ~ZstdCompressor();
    ZstdCompressor(ZstdCompressor&&) noexcept;
    ZstdCompressor& operator=(ZstdCompressor&&) noexcept;

    Result<size_t> compress(std::string_view raw, std::span<char> into, int level);

  private:
    struct Free {
        void operator()(void* context) const;
    };

    std::unique_ptr<void, Free> context_;
};

class ZstdDecompressor {
  public:
    ZstdDecompressor();
    ~ZstdDecompressor();
    ZstdDecompressor(ZstdDecompressor&&) noexcept;
    ZstdDecompressor& operator=(ZstdDecompressor&&) noexcept;

    /// Fills `into` exactly.
    Result<void> decompress(std::string_view packed, std::span<char> into);

  private:
    struct Free {
        void operator()(void* context) const;
    };

    std::unique_ptr<void, Free> context_;
};

/// Fills `into` exactly.
Result<void> lz4_decompress(std::string_view packed, std::span<char> into);

}  // namespace seyir::codec

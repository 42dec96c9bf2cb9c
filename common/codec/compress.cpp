// SPDX-License-Identifier: Apache-2.0
#include "common/codec/compress.hpp"

#include <fmt/format.h>
#include <lz4.h>
#include <zstd.h>

namespace seyir::codec {
namespace {

/// Limits a hostile zstd frame's window, and with it the memory the decompressor takes.
constexpr int kZstdWindowLogMax = 23;

}  // namespace

size_t lz4_bound_bytes(size_t raw_bytes) {
    return raw_bytes > LZ4_MAX_INPUT_SIZE
               ? 0
               : static_cast<size_t>(LZ4_compressBound(static_cast<int>(raw_bytes)));
}

size_t zstd_bound_bytes(size_t raw_bytes) {
    return ZSTD_compressBound(raw_bytes);
}

Lz4Compressor::Lz4Compressor() : state_(new char[static_cast<size_t>(LZ4_sizeofState())]) {}

Lz4Compressor::~Lz4Compressor() = default;
Lz4Compressor::Lz4Compressor(Lz4Compressor&&) noexcept = default;
Lz4Compressor& Lz4Compressor::operator=(Lz4Compressor&&) noexcept = default;

Result<size_t> Lz4Compressor::compress(
    std::string_view raw, std::span<char> into, int acceleration
) {
    if (raw.size() > LZ4_MAX_INPUT_SIZE || into.size() < lz4_bound_bytes(raw.size())) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("lz4: {} bytes into a buffer of {}", raw.size(), into.size())
        );
    }
    const int written = LZ4_compress_fast_extState(
        state_.get(),
        raw.data(),
        into.data(),
        static_cast<int>(raw.size()),
        static_cast<int>(lz4_bound_bytes(raw.size())),
        acceleration
    );
    if (written <= 0) {
        return fail(ErrorCode::kInternal, fmt::format("lz4: {} bytes not compressed", raw.size()));
    }
    return static_cast<size_t>(written);
}

Result<void> lz4_decompress(std::string_view packed, std::span<char> into) {
    if (packed.size() > LZ4_MAX_INPUT_SIZE || into.size() > LZ4_MAX_INPUT_SIZE) {
        return fail(ErrorCode::kTooLarge, fmt::format("lz4: block of {} bytes", packed.size()));
    }
    const int written = LZ4_decompress_safe(
        packed.data(), into.data(), static_cast<int>(packed.size()), static_cast<int>(into.size())
    );
    if (written < 0 || static_cast<size_t>(written) != into.size()) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("lz4: {} bytes do not unpack to {}", packed.size(), into.size())
        );
    }
    return {};
}

void ZstdCompressor::Free::operator()(void* context) const {
    ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context));
}

ZstdCompressor::ZstdCompressor() : context_(ZSTD_createCCtx()) {}

ZstdCompressor::~ZstdCompressor() = default;
ZstdCompressor::ZstdCompressor(ZstdCompressor&&) noexcept = default;
ZstdCompressor& ZstdCompressor::operator=(ZstdCompressor&&) noexcept = default;

Result<size_t> ZstdCompressor::compress(std::string_view raw, std::span<char> into, int level) {
    const size_t written = ZSTD_compressCCtx(
        static_cast<ZSTD_CCtx*>(context_.get()),
        into.data(),
        into.size(),
        raw.data(),
        raw.size(),
        level
    );
    if (ZSTD_isError(written) != 0) {
        return fail(ErrorCode::kTooLarge, fmt::format("zstd: {}", ZSTD_getErrorName(written)));
    }
    return written;
}

void ZstdDecompressor::Free::operator()(void* context) const {
    ZSTD_freeDCtx(static_cast<ZSTD_DCtx*>(context));
}

ZstdDecompressor::ZstdDecompressor() : context_(ZSTD_createDCtx()) {
    auto* context = static_cast<ZSTD_DCtx*>(context_.get());
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kZstdWindowLogMax);
}

ZstdDecompressor::~ZstdDecompressor() = default;
ZstdDecompressor::ZstdDecompressor(ZstdDecompressor&&) noexcept = default;
ZstdDecompressor& ZstdDecompressor::operator=(ZstdDecompressor&&) noexcept = default;

Result<void> ZstdDecompressor::decompress(std::string_view packed, std::span<char> into) {
    const size_t written = ZSTD_decompressDCtx(
        static_cast<ZSTD_DCtx*>(context_.get()),
        into.data(),
        into.size(),
        packed.data(),
        packed.size()
    );
    if (ZSTD_isError(written) != 0 || written != into.size()) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("zstd: {} bytes do not unpack to {}", packed.size(), into.size())
        );
    }
    return {};
}

}  // namespace seyir::codec

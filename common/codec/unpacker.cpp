// SPDX-License-Identifier: Apache-2.0
#include "common/codec/unpacker.hpp"

#include <algorithm>

#include <zlib.h>

#include <zstd.h>

#include "common/base/assert.hpp"

namespace seyir::codec {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: largest window, gzip header
constexpr int kZstdWindowLog = 23;

}  // namespace

struct Unpacker::State {
    explicit State(PackedForm wanted) : form(wanted) {
        if (form == PackedForm::kGzip) {
            SEYIR_ASSERT(inflateInit2(&gzip, kGzipWindow) == Z_OK);
        } else if (form == PackedForm::kZstd) {
            zstd = ZSTD_createDCtx();
            SEYIR_ASSERT(zstd != nullptr);
            ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, kZstdWindowLog);
        }
    }

    ~State() {
        if (form == PackedForm::kGzip) {
            inflateEnd(&gzip);
        }
        ZSTD_freeDCtx(zstd);
    }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// Also without new bytes: the stream may hold what did not fit before.
    Result<size_t> inflate_some(std::string_view& packed, std::span<char> into) {
        if (packed.empty() && is_whole) {
            return size_t{0};
        }
        if (is_whole && inflateReset(&gzip) != Z_OK) {
            return fail(ErrorCode::kCorrupt, "this is no gzip stream");
        }
        is_whole = false;
        gzip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
        gzip.avail_in = static_cast<uInt>(packed.size());
        gzip.next_out = reinterpret_cast<Bytef*>(into.data());
        gzip.avail_out = static_cast<uInt>(into.size());
        const int code = inflate(&gzip, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            return fail(ErrorCode::kCorrupt, "this is no gzip stream");
        }
        is_whole = code == Z_STREAM_END;
        packed.remove_prefix(packed.size() - gzip.avail_in);
        return into.size() - gzip.avail_out;
    }

    Result<size_t> decompress_some(std::string_view& packed, std::span<char> into) {
        if (packed.empty() && is_whole) {
            return size_t{0};
        }
        ZSTD_inBuffer in{packed.data(), packed.size(), 0};
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        const size_t left = ZSTD_decompressStream(zstd, &out, &in);
        if (ZSTD_isError(left) != 0) {
            return fail(ErrorCode::kCorrupt, "this is no zstd stream");
        }
        is_whole = left == 0;
        packed.remove_prefix(in.pos);
        return out.pos;
    }

    PackedForm form;
    z_stream gzip{};
    ZSTD_DCtx* zstd = nullptr;
    bool is_whole = true;
};

PackedForm packed_form(std::string_view begin) {
    if (begin.starts_with("\x1f\x8b")) {
        return PackedForm::kGzip;
    }
    return begin.starts_with("\x28\xb5\x2f\xfd") ? PackedForm::kZstd : PackedForm::kPlain;
}

Unpacker::Unpacker(PackedForm form) : state_(std::make_unique<State>(form)) {}

Unpacker::~Unpacker() = default;
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;

Result<size_t> Unpacker::unpack(std::string_view& packed, std::span<char> into) {
    switch (state_->form) {
        case PackedForm::kGzip:
            return state_->inflate_some(packed, into);
        case PackedForm::kZstd:
            return state_->decompress_some(packed, into);
        default:
            const size_t bytes = std::min(packed.size(), into.size());
            std::copy_n(packed.data(), bytes, into.data());
            packed.remove_prefix(bytes);
            return bytes;
    }
}

bool Unpacker::is_whole() const {
    return state_->is_whole;
}

}  // namespace seyir::codec

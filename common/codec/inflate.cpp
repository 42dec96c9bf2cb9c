// SPDX-License-Identifier: Apache-2.0
#include "common/codec/inflate.hpp"

#include <algorithm>
#include <memory>

#include <zlib.h>

#include <zstd.h>

#include "common/base/assert.hpp"
#include "common/base/units.hpp"

namespace seyir::codec {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: largest window, gzip header
constexpr size_t kPieceBytes = 64 * 1024;
// Small texts may compress as well as they like.
constexpr size_t kRatioFreeBytes = 1024 * 1024;
// zstd's own ceiling for streams of unknown origin (8 MiB), so that a frame cannot ask for more.
constexpr int kZstdWindowLog = 23;

Error corrupt(const char* format) {
    return fail(ErrorCode::kCorrupt, std::string("not a whole ") + format + " stream");
}

/// Room for the next piece at the end of `out`; an error where a limit forbids any.
Result<size_t> make_room(
    std::string& out, size_t used, size_t packed_bytes, const InflateLimits& limits
) {
    if (used > limits.bytes_max) {
        return fail(
            ErrorCode::kTooLarge, "more than " + format_bytes(limits.bytes_max) + " decompressed"
        );
    }
    if (used > kRatioFreeBytes && used / limits.ratio_max > packed_bytes) {
        return fail(
            ErrorCode::kTooLarge,
            "decompresses to more than " + std::to_string(limits.ratio_max) + " times its size"
        );
    }
    if (out.size() - used < kPieceBytes) {
        // One byte beyond the limit shows that it is passed.
        const size_t wanted = std::max(out.size() * 2, kPieceBytes * 2);
        const size_t size = std::min(wanted, limits.bytes_max + 1 + kPieceBytes);
        out.resize_and_overwrite(size, [size](char*, size_t) { return size; });
    }
    return out.size() - used;
}

Bytef* bytes_of(const char* text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text));
}

class GzipStream {
  public:
    GzipStream() { SEYIR_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK); }

    ~GzipStream() { inflateEnd(&stream); }

    GzipStream(const GzipStream&) = delete;
    GzipStream& operator=(const GzipStream&) = delete;

    z_stream stream{};
};

struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Result<std::string> gzip_inflate(std::string_view packed, const InflateLimits& limits) {
    GzipStream gzip;
    z_stream& stream = gzip.stream;
    std::string out;
    size_t used = 0;
    stream.next_in = bytes_of(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    int code = Z_OK;
    while (code != Z_STREAM_END || stream.avail_in > 0) {
        if (code == Z_STREAM_END && inflateReset(&stream) != Z_OK) {
            return corrupt("gzip");
        }
        SEYIR_TRY(const size_t room, make_room(out, used, packed.size(), limits));
        stream.next_out = bytes_of(out.data() + used);
        stream.avail_out = static_cast<uInt>(room);
        code = inflate(&stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END) {
            return corrupt("gzip");
        }
        used = out.size() - stream.avail_out;
    }
    if (used > limits.bytes_max) {
        SEYIR_CHECK(make_room(out, used, packed.size(), limits));
    }
    out.resize(used);
    return out;
}

Result<std::string> zstd_inflate(std::string_view packed, const InflateLimits& limits) {
    const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
    SEYIR_ASSERT(context != nullptr);
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
    std::string out;
    size_t used = 0;
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    size_t left = 1;  // 0: a frame is whole
    while (left != 0 || in.pos < in.size) {
        SEYIR_TRY(const size_t room, make_room(out, used, packed.size(), limits));
        ZSTD_outBuffer to{out.data() + used, room, 0};
        const size_t read_before = in.pos;
        left = ZSTD_decompressStream(context.get(), &to, &in);
        const bool is_stuck = in.pos == read_before && to.pos == 0;
        if (ZSTD_isError(left) != 0 || (left != 0 && is_stuck)) {
            return corrupt("zstd");
        }
        used += to.pos;
    }
    if (used > limits.bytes_max) {
        SEYIR_CHECK(make_room(out, used, packed.size(), limits));
    }
    out.resize(used);
    return out;
}

std::string gzip_deflate(std::string_view raw) {
    z_stream stream{};
    SEYIR_ASSERT(
        deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK
    );
    std::string out(deflateBound(&stream, raw.size()), '\0');
    stream.next_in = bytes_of(raw.data());
    stream.avail_in = static_cast<uInt>(raw.size());
    stream.next_out = bytes_of(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    SEYIR_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace seyir::codec

// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/content_coding.hpp"

#include <array>

#include <zlib.h>

#include "common/base/assert.hpp"
#include "common/base/units.hpp"

namespace seyir::net {

namespace {

// windowBits of zlib: 15 = largest window; +16 = gzip, +32 = gzip or zlib by their headers,
// negative = raw deflate.
constexpr int kGzipOrZlib = 15 + 32;
constexpr int kGzip = 15 + 16;
constexpr int kRawDeflate = -15;
// Small bodies may compress as well as they like.
constexpr size_t kRatioFreeBytes = 1024 * 1024;

Bytef* bytes_of(std::string_view text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

Error corrupt(std::string_view encoding) {
    return fail(
        ErrorCode::kInvalidArgument, "the body is not valid " + std::string(encoding) + " data"
    );
}

class Inflater {
  public:
    explicit Inflater(int window_bits) {
        SEYIR_ASSERT(inflateInit2(&stream_, window_bits) == Z_OK);
    }

    ~Inflater() { inflateEnd(&stream_); }

    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Result<std::string> run(
        std::string_view encoding, std::string_view body, const HttpLimits& limits
    ) {
        std::string out;
        std::array<char, 64 * 1024> piece{};
        stream_.next_in = bytes_of(body);
        stream_.avail_in = static_cast<uInt>(body.size());
        int code = Z_OK;
        while (code != Z_STREAM_END || stream_.avail_in > 0) {
            if (code == Z_STREAM_END && inflateReset(&stream_) != Z_OK) {
                return corrupt(encoding);  // a gzip file may hold several members
            }
            stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
            stream_.avail_out = piece.size();
            code = inflate(&stream_, Z_NO_FLUSH);
            if (code != Z_OK && code != Z_STREAM_END) {
                return corrupt(encoding);
            }
            out.append(piece.data(), piece.size() - stream_.avail_out);
            SEYIR_CHECK(check_size(out.size(), body.size(), limits));
        }
        return out;
    }

  private:
    static Result<void> check_size(size_t inflated, size_t sent, const HttpLimits& limits) {
        if (inflated > limits.inflated_bytes_max) {
            return fail(
                ErrorCode::kTooLarge,
                "the decompressed body is larger than " + format_bytes(limits.inflated_bytes_max) +
                    ": send it in parts"
            );
        }
        if (inflated > kRatioFreeBytes &&
            inflated / std::max<size_t>(sent, 1) > limits.inflate_ratio_max) {
            return fail(
                ErrorCode::kTooLarge,
                "the body decompresses to more than " + std::to_string(limits.inflate_ratio_max) +
                    " times its size: send it uncompressed or in parts"
            );
        }
        return {};
    }

    z_stream stream_{};
};

}  // namespace

Result<std::string> decode_content(
    std::string_view encoding, std::string body, const HttpLimits& limits
) {
    if (encoding.empty() || encoding == "identity") {
        return body;
    }
    if (encoding == "gzip" || encoding == "x-gzip") {
        return Inflater(kGzip).run("gzip", body, limits);
    }
    if (encoding == "deflate") {
        // "deflate" means zlib (RFC 9110, 8.4.1.2), but some senders leave its header out.
        const bool has_zlib_header =
            body.size() >= 2 && (body[0] & 0x0F) == 8 &&
            (static_cast<unsigned char>(body[0]) * 256 + static_cast<unsigned char>(body[1])) %
                    31 ==
                0;
        return Inflater(has_zlib_header ? kGzipOrZlib : kRawDeflate).run("deflate", body, limits);
    }
    return fail(
        ErrorCode::kUnsupported,
        "content-encoding \"" + std::string(encoding) +
            "\" is not understood: use gzip, deflate or none"
    );
}

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    SEYIR_ASSERT(
        deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK
    );
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = bytes_of(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    SEYIR_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace seyir::net

// SPDX-License-Identifier: Apache-2.0
// Bytes as a client could send them: the first byte cuts the rest into pieces. However they are
// cut, the same requests must come out, and limits must hold.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/net/http/content_coding.hpp"
#include "common/net/http/encoding.hpp"
#include "common/net/http/request_reader.hpp"

namespace {

using seyir::net::HttpLimits;
using seyir::net::HttpRequest;
using seyir::net::RequestReader;

constexpr HttpLimits kLimits{
    .header_bytes_max = 2048,
    .body_bytes_max = 4096,
    .inflated_bytes_max = 65536,
    .inflate_ratio_max = 100
};

void check_limits(const HttpRequest& request) {
    if (request.body.size() > kLimits.body_bytes_max) {
        std::abort();
    }
    const auto encoding = request.header("content-encoding").value_or("");
    const auto plain = seyir::net::decode_content(encoding, request.body, kLimits);
    if (plain && plain->size() > kLimits.inflated_bytes_max) {
        std::abort();
    }
    seyir::net::parse_query(request.body);
    seyir::net::base64_decode(request.header("authorization").value_or(""));
}

/// What the requests were, as one text.
std::string read_all(std::string_view bytes, size_t piece_bytes) {
    RequestReader reader(kLimits);
    std::string seen;
    std::string buffer;
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, piece_bytes);
        bytes.remove_prefix(piece.size());
        buffer += piece;
        auto progress = RequestReader::Progress::kHead;
        while (progress != RequestReader::Progress::kNeedMore) {
            const auto fed = reader.feed(buffer);
            if (!fed) {
                return seen;  // pieces may be refused later than the whole, once a line is complete
            }
            buffer.erase(0, fed->used);
            progress = fed->progress;
            if (progress == RequestReader::Progress::kComplete) {
                const auto request = reader.take();
                check_limits(request);
                seen += request.method + " " + request.path + " " + request.body + "\n";
            }
        }
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (read_all(bytes, bytes.size()) != read_all(bytes, 1 + data[0])) {
        std::abort();
    }
    return 0;
}

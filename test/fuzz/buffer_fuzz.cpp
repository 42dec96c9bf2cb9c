// SPDX-License-Identifier: Apache-2.0
// Any bytes as a segment and as a cursor: opening and reading never crash, rows are counted once,
// and reading ends. A second run sets the checksums right, so that what is behind them is reached.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/buffer/log/lane_book.hpp"
#include "common/buffer/log/segment_log.hpp"
#include "common/codec/crc32c.hpp"
#include "common/io/faulty_file_system.hpp"
#include "common/record/batch_codec.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;

void put_crc(std::string& bytes, size_t at, std::string_view of) {
    const uint32_t crc = codec::crc32c(of);
    std::memcpy(bytes.data() + at, &crc, sizeof(crc));
}

/// Header of the segment, and of each frame where the one before says it ends.
void set_checksums(std::string& bytes) {
    if (bytes.size() < kSegmentHeaderBytes) {
        return;
    }
    put_crc(bytes, 60, std::string_view(bytes).substr(0, 60));
    size_t at = kSegmentHeaderBytes;
    while (at + kFrameHeaderBytes <= bytes.size()) {
        uint32_t body_bytes = 0;
        std::memcpy(&body_bytes, bytes.data() + at + 28, sizeof(body_bytes));
        const size_t begin = at + kFrameHeaderBytes;
        body_bytes = static_cast<uint32_t>(std::min<size_t>(body_bytes, bytes.size() - begin));
        const uint64_t offset = at - kSegmentHeaderBytes;
        std::memcpy(bytes.data() + at + 8, &offset, sizeof(offset));
        std::memcpy(bytes.data() + at + 28, &body_bytes, sizeof(body_bytes));
        put_crc(bytes, at + 32, std::string_view(bytes).substr(begin, body_bytes));
        put_crc(bytes, at + 4, std::string_view(bytes).substr(at + 8, kFrameHeaderBytes - 8));
        at = begin + body_bytes;
    }
}

void run(const std::string& bytes) {
    io::FaultyFileSystem fs(1);
    io::ManualClock clock;
    if (!fs.make_directories("/b")) {
        std::abort();
    }
    {
        auto file = fs.open("/b/" + segment_name(0), io::OpenMode::kWriteAppend);
        if (!file || !(*file)->append(bytes)) {
            std::abort();
        }
    }
    SegmentLog log(
        fs, clock, {.directory = "/b", .segment_bytes = 1 << 20, .max_size_bytes = 1 << 24}
    );
    LaneBook lanes;
    const auto on_frame = [&](const FrameHeader& header, std::string_view body) {
        if (header.kind == FrameKind::kLanes) {
            if (const auto snapshot = decode_lanes(body)) {
                lanes.load(*snapshot);
            }
        }
    };
    if (!log.open({}, {}, on_frame)) {
        return;
    }
    LogPlace at = log.begin();
    BatchDecoder decoder;
    while (true) {
        const auto frame = log.read(at);
        if (!frame || !*frame) {
            break;
        }
        if ((*frame)->next.offset <= at.offset) {
            std::abort();  // it would never end
        }
        at = (*frame)->next;
        const auto prefix = decode_batch_prefix((*frame)->body);
        if ((*frame)->has_frame && prefix) {
            auto payload =
                std::make_shared<const std::string>((*frame)->body.substr(kBatchPrefixBytesInFrame)
                );
            if (const auto encoded = encoded_from_bytes(payload)) {
                (void)decoder.decode(*encoded, prefix->tenant);
            }
        }
    }
    if (at.offset > log.end().offset) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    if (const auto cursor = decode_cursor(bytes)) {
        const auto again = decode_cursor(encode(*cursor));
        if (!again || again->offset != cursor->offset || again->row != cursor->row) {
            std::abort();
        }
    }
    run(bytes);
    set_checksums(bytes);
    run(bytes);
    return 0;
}

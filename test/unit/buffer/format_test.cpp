// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <doctest/doctest.h>

#include "common/buffer/log/buffer_format.hpp"
#include "common/buffer/log/cursor_file.hpp"
#include "common/buffer/log/lane_book.hpp"
#include "common/buffer/log/segment_log.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/unit/buffer/log_support.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;

const std::string kRoot = SEYIR_SOURCE_ROOT;

std::string content(io::FileSystem& fs, const std::string& path) {
    const auto bytes = io::read_file(fs, path, 1 << 20);
    return bytes ? *bytes : "";
}

void check_golden(const std::string& name, const std::string& bytes) {
    const std::string path = kRoot + "/test/golden/" + name;
    if (std::getenv("SEYIR_UPDATE") != nullptr) {
        REQUIRE(io::write_file_atomically(io::posix_file_system(), path, bytes));
    }
    CHECK(content(io::posix_file_system(), path) == bytes);
}

const LaneKey kLane{TenantId::kDefault, {1, 2}, {{3, 4}, 5}};

/// One segment with one lane and two batches.
std::string example_segment() {
    io::FaultyFileSystem fs(1);
    io::ManualClock clock;
    SegmentLog log(
        fs, clock, {.directory = "/b", .segment_bytes = 4096, .max_size_bytes = 1 << 20}
    );
    REQUIRE(log.open({0x1111, 0x2222}, {}, [](const FrameHeader&, std::string_view) {}));
    const auto lanes = [](size_t) {
        std::string body;
        append(body, LaneList{{kLane, {600, 7}}});
        return body;
    };
    std::vector<PendingFrame> frames = {
        test::pending_frame(test::numbered_batch({0, 1})),
        test::pending_frame(test::numbered_batch({2}))
    };
    size_t written = 0;
    REQUIRE(log.write(frames, lanes, written));
    REQUIRE(log.close());
    return content(fs, "/b/" + segment_name(0));
}

std::string example_cursor() {
    io::FaultyFileSystem fs(1);
    CursorFile file(fs, "/cursor");
    Cursor cursor{
        .buffer = {0x1111, 0x2222}, .offset = 500, .row = 2, .tail_hash = 9, .generation = 1
    };
    REQUIRE(file.save(cursor, true));
    cursor.offset = 900;
    REQUIRE(file.save(cursor, false));
    return content(fs, "/cursor");
}

}  // namespace

TEST_SUITE("common/buffer/format") {
    TEST_CASE("segments and cursors are the bytes of the golden files") {
        check_golden("buffer_v1.seg", example_segment());
        check_golden("buffer_v1.cursor", example_cursor());
    }

    TEST_CASE("headers read back, and not when a bit is wrong") {
        const std::string segment =
            encode(SegmentHeader{.buffer = {1, 2}, .base = 3, .first_row = 4, .created = {5}});
        const auto header = decode_segment_header(segment);
        REQUIRE(header);
        CHECK(header->buffer == BufferId{1, 2});
        CHECK(header->base == 3);
        CHECK(header->first_row == 4);
        CHECK(header->created.value == 5);
        std::string frame;
        append(frame, FrameHeader{.rows = 6, .body_bytes = 7, .offset = 8, .first_row = 9});
        REQUIRE(decode_frame_header(frame));
        CHECK(decode_frame_header(frame)->first_row == 9);
        const std::string cursor = encode(Cursor{.offset = 10});
        for (size_t bit = 0; bit < 8 * segment.size(); ++bit) {
            const auto flip = [bit](std::string bytes) {
                bytes[bit / 8 % bytes.size()] ^= static_cast<char>(1 << bit % 8);
                return bytes;
            };
            CHECK_FALSE(decode_segment_header(flip(segment)));
            CHECK_FALSE(decode_frame_header(flip(frame)));
            CHECK_FALSE(decode_cursor(flip(cursor)));
        }
    }

    TEST_CASE("a frame is found only where it says it stands") {
        std::string bytes = "SBF1 is no frame, SBF1";
        const size_t at = bytes.size();
        append(bytes, FrameHeader{.offset = 100 + at});
        CHECK(find_frame(bytes, 100, 0) == at);
        CHECK(find_frame(bytes, 100, at) == at);
        CHECK_FALSE(find_frame(bytes, 100, at + 1));
        CHECK_FALSE(find_frame(bytes, 101, 0));
    }

    TEST_CASE("segment names are their base and nothing else") {
        CHECK(segment_base(segment_name(0x123456789abcdef0)) == 0x123456789abcdef0);
        for (const char* name :
             {"", "cursor", "000000000000000g.seg", "0.seg", "0000000000000000.bad"}) {
            CHECK_FALSE(segment_base(name));
        }
    }

    TEST_CASE("lane snapshots read back; wrong counts do not") {
        std::string body;
        append(body, LaneList{{kLane, {600, 7}}});
        const auto lanes = decode_lanes(body);
        REQUIRE(lanes);
        CHECK(lanes->front().first == kLane);
        CHECK(lanes->front().second.committed == 600);
        body[0] = 2;
        CHECK_FALSE(decode_lanes(body));
    }

    TEST_CASE("every input of the fuzz corpus is survived") {
        CHECK(test::replay_corpus(kRoot + "/test/fuzz/corpus/buffer") >= 4);
    }
}

TEST_SUITE("common/buffer/log/lanes") {
    TEST_CASE("beyond the limit the lanes not heard of for longest are forgotten") {
        LaneBook book;
        for (size_t i = 0; i <= kLanesMax; ++i) {
            LaneKey key = kLane;
            key.key.source.lo = i;
            book.apply({{key, {i, 0}}});
        }
        CHECK(book.size() <= kLanesMax);
        LaneKey key = kLane;
        key.key.source.lo = 0;
        CHECK_FALSE(book.find(key));
        key.key.source.lo = kLanesMax;
        CHECK(book.find(key)->committed == kLanesMax);
    }
}

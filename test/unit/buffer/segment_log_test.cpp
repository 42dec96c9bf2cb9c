// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/segment_log.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "common/buffer/log/cursor_file.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/buffer/log_support.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using test::numbered_batch;
using test::pending_frame;

std::string no_lanes(size_t /*written*/) {
    std::string body;
    append(body, LaneList{});
    return body;
}

/// A log with what a test needs around it.
struct World {
    explicit World(uint64_t seed) : fs(seed) {}

    Result<void> open(LogPlace floor = {}) {
        log = std::make_unique<SegmentLog>(fs, clock, options);
        return log->open({}, floor, [](const FrameHeader&, std::string_view) {});
    }

    Result<void> write(std::vector<uint64_t> numbers, size_t padding = 0) {
        std::vector<PendingFrame> frames;
        frames.push_back(pending_frame(numbered_batch(numbers, padding)));
        size_t written = 0;
        return log->write(frames, no_lanes, written);
    }

    /// Every row from `from` on.
    std::vector<uint64_t> read_all(LogPlace from = {}) {
        std::vector<uint64_t> rows;
        skipped_rows = 0;
        bad_places = 0;
        while (true) {
            auto frame = log->read(from);
            REQUIRE_MESSAGE(frame.has_value(), frame.error().message);
            if (!*frame) {
                return rows;
            }
            skipped_rows += (*frame)->skipped_rows;
            bad_places += (*frame)->bad_places;
            from = (*frame)->next;
            if (!(*frame)->has_frame) {
                continue;
            }
            auto payload =
                std::make_shared<const std::string>((*frame)->body.substr(kBatchPrefixBytesInFrame)
                );
            auto batch = decode_batch(*encoded_from_bytes(payload), TenantId::kDefault);
            REQUIRE(batch.has_value());
            for (const uint64_t number : test::numbers_of({*batch, {}})) {
                rows.push_back(number);
            }
        }
    }

    io::FaultyFileSystem fs;
    io::ManualClock clock;
    SegmentLog::Options options{
        .directory = "/b", .segment_bytes = 4096, .max_size_bytes = 1 << 20
    };
    std::unique_ptr<SegmentLog> log;
    uint64_t skipped_rows = 0;
    uint32_t bad_places = 0;
};

std::vector<uint64_t> upto(uint64_t n) {
    std::vector<uint64_t> out;
    for (uint64_t i = 0; i < n; ++i) {
        out.push_back(i);
    }
    return out;
}

}  // namespace

TEST_SUITE("common/buffer/log") {
    TEST_CASE("what was written is read in order, over segments and restarts") {
        World world(1);
        REQUIRE(world.open());
        for (uint64_t i = 0; i < 50; ++i) {
            REQUIRE(world.write({2 * i, 2 * i + 1}, 50));
        }
        CHECK(world.log->segment_count() > 2);
        CHECK(world.read_all() == upto(100));
        CHECK(world.log->end().row == 100);
        const BufferId id = world.log->id();
        REQUIRE(world.log->close());
        REQUIRE(world.open());
        CHECK(world.log->id() == id);
        CHECK(world.log->end().row == 100);
        REQUIRE(world.write({100}));
        CHECK(world.read_all() == upto(101));
    }

    TEST_CASE("whole segments are deleted behind the reader, and a full log says so") {
        World world(1);
        world.options.max_size_bytes = 4 * 4096;
        REQUIRE(world.open());
        Result<void> wrote;
        uint64_t n = 0;
        while (wrote = world.write({n}, 900), wrote) {
            ++n;
        }
        CHECK(wrote.error().code == ErrorCode::kBackpressure);
        CHECK(wrote.error().message.find("of max_size 16 KiB") != std::string::npos);
        const auto boundary = world.log->first_segment_end();
        REQUIRE(boundary);
        CHECK_FALSE(world.log->trim(boundary->offset - 1));
        CHECK(world.log->trim(boundary->offset));
        CHECK(world.log->begin() == *boundary);
        REQUIRE(world.write({n}, 900));
        CHECK(world.read_all(*boundary).front() == boundary->row);
        CHECK(world.read_all(*boundary).back() == n);
    }

    TEST_CASE("a damaged frame is skipped, its rows counted, and the rest is read") {
        World world(1);
        REQUIRE(world.open());
        for (uint64_t i = 0; i < 30; ++i) {
            REQUIRE(world.write({i}, 200));
        }
        const auto names = world.fs.list("/b");
        const std::string second = "/b/" + names->at(1);
        const uint64_t base = *segment_base(names->at(1));
        const auto hit = world.log->read({base, 0});
        REQUIRE((hit && *hit));
        const uint64_t row = (*hit)->header.first_row;
        REQUIRE(world.fs.flip_bit(second, kSegmentHeaderBytes + (*hit)->header.offset - base + 100)
        );
        std::vector<uint64_t> expected = upto(30);
        std::erase(expected, row);
        REQUIRE(world.open());
        CHECK(world.read_all() == expected);
        CHECK(world.skipped_rows == 1);
        CHECK(world.bad_places == 1);
    }

    TEST_CASE("any damaged byte costs at most the frames it is in, and never a crash") {
        for (uint64_t seed = 1; seed <= 200; ++seed) {
            CAPTURE(seed);
            World world(seed);
            REQUIRE(world.open());
            for (uint64_t i = 0; i < 20; ++i) {
                REQUIRE(world.write({i}, 300));
            }
            REQUIRE(world.log->close());
            std::mt19937_64 random(seed);
            const auto names = world.fs.list("/b");
            const std::string victim = "/b/" + names->at(random() % names->size());
            const auto info = world.fs.stat(victim);
            REQUIRE(world.fs.flip_bit(victim, random() % info->size_bytes));
            if (!world.open()) {
                continue;  // a header that now claims a later version
            }
            const std::vector<uint64_t> rows = world.read_all();
            CHECK(std::ranges::is_sorted(rows));
            // One frame, or all of the last segment's when its only good frame was hit.
            CHECK(rows.size() + 1 >= 20);
            CHECK(rows.size() + world.skipped_rows >= 19);
        }
    }

    TEST_CASE("a folder in use by another process is refused") {
        World world(1);
        const test::TempDir dir;
        SegmentLog::Options options = world.options;
        options.directory = dir / "b";
        SegmentLog one(io::posix_file_system(), world.clock, options);
        SegmentLog two(io::posix_file_system(), world.clock, options);
        const auto nothing = [](const FrameHeader&, std::string_view) {};
        REQUIRE(one.open({}, {}, nothing));
        const auto second = two.open({}, {}, nothing);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == ErrorCode::kConflict);
    }

    TEST_CASE("a later format is refused, not destroyed") {
        World world(1);
        REQUIRE(world.fs.make_directories("/b"));
        auto file = world.fs.open("/b/" + segment_name(0), io::OpenMode::kReadWrite);
        REQUIRE(file);
        REQUIRE((*file)->append(encode(SegmentHeader{.version = 2, .buffer = {1, 2}})));
        const auto opened = world.open();
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == ErrorCode::kUnsupported);
        CHECK(world.fs.stat("/b/" + segment_name(0)));
    }

    TEST_CASE("a segment of another buffer and one without frames are put aside") {
        World world(1);
        REQUIRE(world.open());
        REQUIRE(world.write({7}));
        REQUIRE(world.log->close());
        auto junk = world.fs.open("/b/" + segment_name(0x5000), io::OpenMode::kReadWrite);
        REQUIRE((*junk)->append("not ours at all"));
        REQUIRE(world.open());
        CHECK(world.read_all() == std::vector<uint64_t>{7});
        CHECK(world.log->quarantined() == 1);
        CHECK(world.fs.stat("/b/" + segment_name(0x5000) + ".bad"));
    }

    TEST_CASE("everything written survives power cuts, short writes and full disks, in order") {
        size_t cuts = 0;
        for (uint64_t seed = 1; seed <= 400; ++seed) {
            CAPTURE(seed);
            World world(seed);
            std::mt19937_64 random(seed);
            REQUIRE(world.open());
            std::vector<uint64_t> acked;
            uint64_t next = 0;
            for (int run = 0; run < 4; ++run) {
                static constexpr io::Fault kFaults[] = {
                    io::Fault::kPowerCut,
                    io::Fault::kPowerCut,
                    io::Fault::kIoError,
                    io::Fault::kShortWrite,
                    io::Fault::kNoSpace,
                };
                world.fs.plan_fault(1 + random() % 60, kFaults[random() % 5]);
                for (int i = 0; i < 40 && !world.fs.crashed(); ++i) {
                    std::vector<uint64_t> numbers;
                    for (uint64_t k = 0; k <= random() % 3; ++k) {
                        numbers.push_back(next++);
                    }
                    if (world.write(numbers, random() % 700)) {
                        acked.insert(acked.end(), numbers.begin(), numbers.end());
                    }
                }
                cuts += world.fs.crashed() ? 1 : 0;
                world.fs.crash();
                world.log.reset();
                world.fs.restart();
                const auto opened = world.open();
                REQUIRE_MESSAGE(opened, opened.error().message);
            }
            const std::vector<uint64_t> rows = world.read_all();
            CHECK(std::ranges::is_sorted(rows));
            // What was not acknowledged may be there; what was must be.
            CHECK(std::ranges::includes(rows, acked));
            CHECK(world.skipped_rows == 0);
        }
        CHECK(cuts > 300);
    }
}

TEST_SUITE("common/buffer/log/cursor") {
    TEST_CASE("the cursor of a power cut is the last durable one or a later one") {
        for (uint64_t seed = 1; seed <= 200; ++seed) {
            CAPTURE(seed);
            io::FaultyFileSystem fs(seed);
            std::mt19937_64 random(seed);
            uint64_t durable = 0;
            uint64_t offset = 0;
            for (int run = 0; run < 5; ++run) {
                CursorFile file(fs, "/cursor");
                const auto loaded = file.load();
                REQUIRE(loaded);
                const uint64_t found = *loaded ? (*loaded)->offset : 0;
                CHECK(found >= durable);
                CHECK(found <= offset);
                fs.plan_fault(1 + random() % 20, io::Fault::kPowerCut);
                while (!fs.crashed()) {
                    const bool sync = random() % 3 == 0;
                    if (file.save({.offset = ++offset}, sync) && sync) {
                        durable = offset;
                    }
                }
                fs.restart();
            }
        }
    }

    TEST_CASE("a cursor file without a good slot is no error") {
        io::FaultyFileSystem fs(1);
        {
            CursorFile file(fs, "/cursor");
            REQUIRE(file.save({.offset = 5}, true));
        }
        REQUIRE(fs.flip_bit("/cursor", 30));
        CursorFile file(fs, "/cursor");
        const auto loaded = file.load();
        REQUIRE(loaded);
        CHECK_FALSE(loaded->has_value());
        CHECK(file.was_damaged());
    }
}

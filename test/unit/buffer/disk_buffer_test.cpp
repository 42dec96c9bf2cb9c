// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/disk_buffer.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "common/buffer/log/inspect.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/buffer/log_support.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using namespace std::chrono_literals;
using test::numbered_batch;
using test::numbers_of;
using WhenFull = BufferOptions::WhenFull;

/// A buffer on a file system in memory, its reports, and a reader.
struct World {
    explicit World(uint64_t seed = 1) : fs(seed) {}

    ~World() { close(); }

    Result<void> open() {
        setup.options.kind = BufferOptions::Kind::kDisk;
        registry = std::make_unique<metrics::Registry>();
        buffer = std::make_unique<DiskBuffer>(setup, fs, io::system_clock(), *registry);
        SEYIR_CHECK(buffer->open());
        ticket = buffer->request_lease([] {});
        return {};
    }

    void close() { buffer.reset(); }

    /// Reports come into `reports`, in the order of appends they belong to.
    size_t append(const RecordBatchPtr& batch, bool required = true, const void* owner = nullptr) {
        size_t index = 0;
        {
            const std::lock_guard lock(mutex);
            index = reports.size();
            reports.emplace_back();
        }
        buffer->append(owner, required, {batch, {}}, [this, index](DeliveryReport report) {
            const std::lock_guard lock(mutex);
            reports[index] = std::move(report);
        });
        return index;
    }

    std::optional<DeliveryReport> report(size_t index) {
        const std::lock_guard lock(mutex);
        return reports[index];
    }

    DeliveryReport wait(size_t index) {
        REQUIRE(test::eventually([&] { return report(index).has_value(); }));
        return *report(index);
    }

    DeliveryReport append_and_wait(const RecordBatchPtr& batch) { return wait(append(batch)); }

    /// Takes and settles all there is.
    std::vector<uint64_t> drain() {
        std::vector<uint64_t> out;
        while (auto delivery = buffer->take(false)) {
            for (const uint64_t number : numbers_of(delivery->view)) {
                out.push_back(number);
            }
            const auto rows = static_cast<uint32_t>(delivery->view.row_count());
            buffer->settle(delivery->id, DeliveryReport::delivered(rows));
        }
        return out;
    }

    uint64_t counter(const std::string& name, metrics::Labels labels = {}) {
        labels.insert(labels.begin(), {"component", setup.id});
        return registry->counter("seyir_buffer_" + name + "_rows_total", "", labels).value();
    }

    /// recovered + appended = delivered + dropped + returned + rows.
    void check_balance() {
        const uint64_t in = counter("recovered") + counter("appended");
        uint64_t out = counter("delivered") + counter("returned") + buffer->rows();
        for (const char* reason : {"buffer_full", "buffer_corrupt", "gave_up", "no"}) {
            out += counter("dropped", {{"reason", reason}});
        }
        CHECK(in == out);
    }

    io::FaultyFileSystem fs;
    std::unique_ptr<metrics::Registry> registry;
    DiskBuffer::Setup setup{
        .id = "far",
        .directory = "/b",
        .options = {.max_size_bytes = 1 << 20, .in_flight_max = 4},
        .segment_bytes = 16 * 1024,
    };
    std::mutex mutex;
    std::vector<std::optional<DeliveryReport>> reports;
    std::unique_ptr<DiskBuffer> buffer;
    DiskBuffer::Ticket ticket = 0;
};

/// A batch of an agent's file: rows begin..end are its bytes.
RecordBatch piece(uint64_t begin, uint64_t end, bool lane_start = false) {
    RecordBatch batch;
    const uint16_t stream = batch.add_stream(*StreamLabels::make({{"host", "h"}}));
    batch.set_provenance({.agent = {1, 2}, .epoch = 3});
    const uint16_t origin = batch.add_position(
        {.key = {{7, 8}, 0}, .begin = begin, .end = end, .tail_hash = end, .lane_start = lane_start}
    );
    for (uint64_t i = begin; i < end; ++i) {
        const std::string body = std::to_string(i);
        batch.append_row(
            {.ts = {1}, .stream = stream, .origin = origin, .body = batch.arena().copy(body)}
        );
    }
    return batch;
}

RecordBatchPtr positioned(uint64_t begin, uint64_t end, bool lane_start = false) {
    return std::make_shared<RecordBatch>(piece(begin, end, lane_start));
}

/// The same and a row `number` of another file's bytes begin..begin + 1.
RecordBatchPtr beside(RecordBatch batch, uint64_t begin, uint64_t number) {
    const uint16_t other =
        batch.add_position({.key = {{7, 9}, 0}, .begin = begin, .end = begin + 1});
    const std::string body = std::to_string(number);
    batch.append_row({.ts = {1}, .origin = other, .body = batch.arena().copy(body)});
    return std::make_shared<RecordBatch>(std::move(batch));
}

}  // namespace

TEST_SUITE("common/buffer/disk") {
    TEST_CASE("rows are answered for, handed out in order, and counted") {
        World world;
        REQUIRE(world.open());
        CHECK(world.append_and_wait(numbered_batch({0, 1})).accepted == 2);
        CHECK(world.append_and_wait(numbered_batch({2})).outcome == Outcome::kDelivered);
        CHECK(world.buffer->rows() == 3);
        world.check_balance();
        CHECK(world.drain() == std::vector<uint64_t>{0, 1, 2});
        CHECK(world.buffer->rows() == 0);
        world.check_balance();
    }

    TEST_CASE("what was not settled is handed out again after a restart, also parsed attributes") {
        World world;
        REQUIRE(world.open());
        RecordBatch batch;
        const uint16_t stream = batch.add_stream(*StreamLabels::make({{"host", "h"}}));
        const Attr attr(batch.add_key("status"), Value::integer(200), true);
        const AttrRange range = batch.add_attrs({&attr, 1});
        batch.append_row({.ts = {1}, .stream = stream, .body = "5", .attrs = range});
        world.append_and_wait(std::make_shared<RecordBatch>(std::move(batch)));
        world.append_and_wait(numbered_batch({6}));
        auto first = world.buffer->take(false);
        REQUIRE(first);
        world.close();
        REQUIRE(world.open());
        CHECK(world.buffer->rows() == 2);
        auto again = world.buffer->take(false);
        REQUIRE(again);
        REQUIRE(again->view.batch->attrs(0).size() == 1);
        CHECK(again->view.batch->attrs(0)[0].is_parsed);
        world.buffer->settle(again->id, DeliveryReport::delivered(1));
        CHECK(world.drain() == std::vector<uint64_t>{6});
        world.close();
        REQUIRE(world.open());
        CHECK(world.drain().empty());
        world.check_balance();
    }

    TEST_CASE("the cursor is saved and segments are deleted while nothing more comes in") {
        World world;
        REQUIRE(world.open());
        for (uint64_t n = 0; n < 20; ++n) {
            world.append_and_wait(numbered_batch({n}, 4000));
        }
        std::vector<Delivery> taken;
        while (auto delivery = world.buffer->take(false)) {
            taken.push_back(*std::move(delivery));
        }
        const uint64_t before = world.buffer->disk_bytes();
        for (const Delivery& delivery : taken) {
            world.buffer->settle(delivery.id, DeliveryReport::delivered(1));
        }
        CHECK(test::eventually([&] {
            const auto report =
                inspect_folder(world.fs, "/b", [](const FrameHeader&, std::string_view) {});
            return report && report->rows_waiting == 0;
        }));
        CHECK(test::eventually([&] { return world.buffer->disk_bytes() < before / 2; }));
    }

    TEST_CASE("settling out of order moves the cursor in order") {
        World world;
        REQUIRE(world.open());
        for (uint64_t i = 0; i < 3; ++i) {
            world.append_and_wait(numbered_batch({i}));
        }
        const auto a = world.buffer->take(false);
        const auto b = world.buffer->take(false);
        const auto c = world.buffer->take(false);
        REQUIRE((a && b && c));
        world.buffer->settle(b->id, DeliveryReport::delivered(1));
        world.buffer->give_back(c->id);
        world.close();
        REQUIRE(world.open());
        CHECK(world.drain() == std::vector<uint64_t>{0, 1, 2});
    }

    TEST_CASE("the next holder of the lease gets what the one before did not settle") {
        World world;
        REQUIRE(world.open());
        for (uint64_t i = 0; i < 3; ++i) {
            world.append_and_wait(numbered_batch({i}));
        }
        REQUIRE(world.buffer->take(false));
        const auto b = world.buffer->take(false);
        world.buffer->settle(b->id, DeliveryReport::delivered(1));
        const auto next = world.buffer->request_lease([] {});
        CHECK_FALSE(world.buffer->has_lease(next));
        world.buffer->release_lease(world.ticket);
        CHECK(world.buffer->has_lease(next));
        CHECK(world.drain() == std::vector<uint64_t>{0, 2});
    }

    TEST_CASE("a batch sent again is kept once, one that does not join sends its source back") {
        World world;
        REQUIRE(world.open());
        CHECK(world.append_and_wait(positioned(0, 3)).accepted == 3);
        const DeliveryReport again = world.append_and_wait(positioned(0, 3));
        CHECK(again.duplicate == 3);
        CHECK(again.outcome == Outcome::kDelivered);
        const DeliveryReport gap = world.append_and_wait(positioned(5, 6));
        CHECK(gap.outcome == Outcome::kRewind);
        REQUIRE(gap.lanes.size() == 1);
        CHECK(gap.lanes[0].kind == LaneVerdict::Kind::kGap);
        CHECK(gap.lanes[0].committed == 3);
        world.close();
        REQUIRE(world.open());
        const auto lanes =
            world.buffer->committed(TenantId::kDefault, {1, 2}, {{{7, 8}, 1}, {{7, 8}, 0}});
        REQUIRE(lanes.size() == 2);
        CHECK_FALSE(lanes[0].known);
        CHECK(lanes[1].known);
        CHECK(lanes[1].committed == 3);
        CHECK(lanes[1].tail_hash == 3);
        CHECK(world.append_and_wait(positioned(1, 3)).duplicate == 2);
        const DeliveryReport overlap = world.append_and_wait(positioned(2, 5));
        CHECK(overlap.outcome == Outcome::kRewind);
        CHECK(world.append_and_wait(positioned(3, 5)).accepted == 2);
        CHECK(world.append_and_wait(positioned(9, 10, true)).accepted == 1);
        CHECK(world.drain() == std::vector<uint64_t>{0, 1, 2, 3, 4, 9});
    }

    TEST_CASE("after a crash a lane is where its rows are, also when a batch kept other lanes'") {
        World world;
        REQUIRE(world.open());
        CHECK(world.append_and_wait(positioned(0, 5)).accepted == 5);
        // Batches of two files, of which one goes on and the other does not join: it begins too
        // early, too late, or was there before. So an agent sends them that starts again.
        const DeliveryReport early = world.append_and_wait(beside(piece(3, 9), 0, 70));
        CHECK(early.outcome == Outcome::kRewind);
        CHECK(early.accepted == 1);
        const DeliveryReport late = world.append_and_wait(beside(piece(8, 9), 1, 71));
        CHECK(late.outcome == Outcome::kRewind);
        CHECK(late.accepted == 1);
        const DeliveryReport again = world.append_and_wait(beside(piece(0, 3), 2, 72));
        CHECK(again.duplicate == 3);
        CHECK(again.accepted == 1);
        world.close();
        REQUIRE(world.open());
        CHECK(world.append_and_wait(positioned(0, 5)).duplicate == 5);
        CHECK(world.append_and_wait(positioned(5, 9)).accepted == 4);
        CHECK(world.drain() == std::vector<uint64_t>{0, 1, 2, 3, 4, 70, 71, 72, 5, 6, 7, 8});
    }

    TEST_CASE("lanes are remembered when the segments that named them are gone") {
        World world;
        REQUIRE(world.open());
        world.append_and_wait(positioned(0, 3));
        for (uint64_t i = 0; i < 40; ++i) {
            world.append_and_wait(numbered_batch({100 + i}, 1000));
            world.drain();
        }
        REQUIRE(test::eventually([&] { return world.buffer->disk_bytes() < 40'000; }));
        world.close();
        REQUIRE(world.open());
        CHECK(world.append_and_wait(positioned(0, 3)).duplicate == 3);
    }

    TEST_CASE("a full buffer that blocks answers when there is room, and says so meanwhile") {
        World world;
        world.setup.options.max_size_bytes = 48 * 1024;
        REQUIRE(world.open());
        std::vector<size_t> waiting;
        uint64_t n = 0;
        while (world.buffer->health().ok) {
            waiting.push_back(world.append(numbered_batch({n++}, 4000)));
            REQUIRE(n < 200);
            test::eventually([&] {
                return world.report(waiting.back()) || !world.buffer->health().ok;
            });
        }
        CHECK(world.buffer->health().message.find("max_size") != std::string::npos);
        CHECK_FALSE(world.report(waiting.back()).has_value());
        const size_t optional = world.append(numbered_batch({999}), false);
        CHECK(world.wait(optional).reason == "buffer_full");
        std::vector<uint64_t> got = world.drain();
        CHECK(world.wait(waiting.back()).outcome == Outcome::kDelivered);
        for (const uint64_t number : world.drain()) {
            got.push_back(number);
        }
        CHECK(got.size() == n);
        CHECK(std::is_sorted(got.begin(), got.end()));
        CHECK(world.buffer->health().ok);
        world.check_balance();
    }

    TEST_CASE("drop_oldest and drop_newest lose what they say, and count it") {
        for (const WhenFull when_full : {WhenFull::kDropOldest, WhenFull::kDropNewest}) {
            CAPTURE(static_cast<int>(when_full));
            World world;
            world.setup.options.max_size_bytes = 48 * 1024;
            world.setup.options.when_full = when_full;
            REQUIRE(world.open());
            uint32_t dropped = 0;
            for (uint64_t n = 0; n < 40; ++n) {
                dropped += world.append_and_wait(numbered_batch({n}, 4000)).dropped;
            }
            const std::vector<uint64_t> got = world.drain();
            const uint64_t oldest = world.counter("dropped", {{"reason", "buffer_full"}});
            CHECK(got.size() + dropped + oldest == 40);
            CHECK(std::is_sorted(got.begin(), got.end()));
            if (when_full == WhenFull::kDropOldest) {
                CHECK(got.back() == 39);
                CHECK(dropped == 0);
            } else {
                CHECK(got.front() == 0);
                CHECK(oldest == 0);
            }
            world.check_balance();
        }
    }

    TEST_CASE("while the disk refuses, nothing is answered; then everything is") {
        World world;
        REQUIRE(world.open());
        world.append_and_wait(numbered_batch({0}));
        world.fs.set_error_rate(1.0);
        const size_t waiting = world.append(numbered_batch({1}));
        REQUIRE(test::eventually([&] { return !world.buffer->health().ok; }));
        CHECK_FALSE(world.report(waiting).has_value());
        world.fs.set_error_rate(0);
        CHECK(world.wait(waiting).outcome == Outcome::kDelivered);
        CHECK(world.drain() == std::vector<uint64_t>{0, 1});
        CHECK(world.buffer->health().ok);
    }

    TEST_CASE("the free-space floor holds up sources before the disk is full") {
        World world;
        world.fs.set_capacity(64 * 1024);
        world.setup.options.free_bytes_min = 40 * 1024;
        REQUIRE(world.open());
        std::vector<size_t> all;
        for (uint64_t n = 0; n < 8; ++n) {
            all.push_back(world.append(numbered_batch({n}, 4000)));
        }
        REQUIRE(test::eventually([&] { return !world.buffer->health().ok; }));
        CHECK(world.buffer->health().message.find("40 KiB are kept free") != std::string::npos);
        CHECK_FALSE(world.report(all.back()).has_value());
        const auto free = world.fs.free_bytes("/b");
        CHECK(*free >= 40 * 1024);
    }

    TEST_CASE("a nearly full disk is logged once, whatever its free bytes are") {
        World world;
        world.fs.set_capacity(64 * 1024);
        world.setup.options.free_bytes_min = 60 * 1024;
        const test::StderrFile log;
        REQUIRE(world.open());
        world.append(numbered_batch({1}, 4000));
        for (const uint64_t less : {1, 2, 3, 4}) {
            const uint64_t capacity = (64 - less) * 1024;
            world.fs.set_capacity(capacity);
            const std::string free = format_bytes(*world.fs.free_bytes("/b")) + " free";
            REQUIRE(test::eventually([&] {
                return world.buffer->health().message.find(free) != std::string::npos;
            }));
        }
        CHECK(log.count("cannot take in more") == 1);
        world.fs.set_capacity(UINT64_MAX);
        world.fs.set_error_rate(1);  // another trouble is news
        REQUIRE(test::eventually([&] { return log.count("cannot take in more") == 2; }));
    }

    TEST_CASE("one cap over all buffers: one that is never drained leaves the others their part") {
        for (const WhenFull when_full : {WhenFull::kBlock, WhenFull::kDropNewest}) {
            CAPTURE(static_cast<int>(when_full));
            io::DiskBudget disk(256 * 1024);
            World dead;
            dead.setup.budget = &disk;
            dead.setup.options.when_full = when_full;
            World other;
            other.setup.budget = &disk;
            other.setup.directory = "/other";
            REQUIRE(dead.open());
            REQUIRE(other.open());
            std::vector<size_t> all;
            for (uint64_t n = 0; n < 60; ++n) {
                all.push_back(dead.append(numbered_batch({n}, 4000)));
            }
            uint32_t dropped = 0;
            if (when_full == WhenFull::kDropNewest) {
                for (const size_t one : all) {
                    dropped += dead.wait(one).dropped;
                }
                CHECK(dropped > 0);
            } else {
                REQUIRE(test::eventually([&] { return !dead.buffer->health().ok; }));
                CHECK(
                    dead.buffer->health().message.find("limits.disk 256 KiB") != std::string::npos
                );
                CHECK_FALSE(dead.report(all.back()).has_value());
            }
            for (uint64_t n = 0; n < 10; ++n) {
                other.append_and_wait(numbered_batch({n}, 4000));
            }
            CHECK(disk.total() <= disk.limit());
            CHECK(other.drain().size() == 10);
            if (when_full == WhenFull::kBlock) {
                size_t drained = 0;  // what is delivered makes room
                REQUIRE(test::eventually([&] {
                    drained += dead.drain().size();
                    return drained == all.size();
                }));
            } else {
                CHECK(dead.drain().size() + dropped == all.size());
            }
        }
    }

    TEST_CASE("an output that stops gets an answer for everything; others go on") {
        World world;
        REQUIRE(world.open());
        world.fs.set_error_rate(1.0);
        const int a = 0;
        const int b = 0;
        const size_t first = world.append(positioned(0, 2), true, &a);
        const size_t second = world.append(numbered_batch({50}), true, &b);
        REQUIRE(test::eventually([&] { return !world.buffer->health().ok; }));
        world.buffer->answer_all(&a, SteadyTime::min());
        CHECK(world.wait(first).outcome == Outcome::kRetry);
        CHECK_FALSE(world.report(second).has_value());
        world.fs.set_error_rate(0);
        CHECK(world.wait(second).outcome == Outcome::kDelivered);
        // The lane did not move: the batch that was given back is stored when it comes again.
        CHECK(world.append_and_wait(positioned(0, 2)).accepted == 2);
        CHECK(world.drain() == std::vector<uint64_t>{50, 0, 1});
    }

    TEST_CASE("a record beyond the format's limit is refused alone and wedges nothing") {
        World world;
        world.setup.segment_bytes = 16 << 20;
        world.setup.options.max_size_bytes = 64 << 20;
        REQUIRE(world.open());
        auto batch = std::make_shared<RecordBatch>();
        const uint16_t stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
        const std::string huge(2 << 20, '9');
        for (const std::string& body : {std::string("1"), huge, std::string("2")}) {
            batch->append_row({.ts = {1}, .stream = stream, .body = batch->arena().copy(body)});
        }
        const DeliveryReport report = world.append_and_wait(batch);
        CHECK(report.outcome == Outcome::kRejected);
        CHECK(report.reason == "record_too_large");
        CHECK(report.rejected_rows == std::vector<uint32_t>{1});
        CHECK(report.accepted == 2);
        CHECK(world.drain() == std::vector<uint64_t>{1, 2});
        world.append_and_wait(numbered_batch({3}));
        CHECK(world.drain() == std::vector<uint64_t>{3});
    }

    TEST_CASE("a damaged frame is counted and the rest is delivered") {
        World world;
        REQUIRE(world.open());
        for (uint64_t n = 0; n < 20; ++n) {
            world.append_and_wait(numbered_batch({n}, 2000));
        }
        world.close();
        REQUIRE(world.fs.flip_bit("/b/" + segment_name(0), 3000));
        REQUIRE(world.open());
        const std::vector<uint64_t> got = world.drain();
        CHECK(got.size() == 19);
        CHECK(world.counter("dropped", {{"reason", "buffer_corrupt"}}) == 1);
        CHECK(world.buffer->rows() == 0);
        world.check_balance();
    }

    TEST_CASE("without a good cursor everything still held goes out again, nothing is lost") {
        World world;
        REQUIRE(world.open());
        for (uint64_t n = 0; n < 5; ++n) {
            world.append_and_wait(numbered_batch({n}));
        }
        world.drain();
        world.close();
        const auto size = world.fs.stat("/b/cursor");
        for (uint64_t at = 20; at < size->size_bytes; at += kCursorSlotStride) {
            REQUIRE(world.fs.flip_bit("/b/cursor", at));
        }
        REQUIRE(world.open());
        CHECK(world.drain() == std::vector<uint64_t>{0, 1, 2, 3, 4});
    }
}

TEST_SUITE("common/buffer/disk/crash") {
    TEST_CASE("everything answered for is delivered at least once and in order, over power cuts") {
        size_t cuts = 0;
        for (uint64_t seed = 1; seed <= 300; ++seed) {
            CAPTURE(seed);
            World world(seed);
            std::mt19937_64 random(seed);
            world.setup.options.max_size_bytes = 128 * 1024;
            std::set<uint64_t> acked;
            std::set<uint64_t> delivered;
            uint64_t next = 0;
            for (int run = 0; run < 4; ++run) {
                const auto opened = world.open();
                REQUIRE_MESSAGE(opened, opened.error().message);
                if (run < 3) {
                    world.fs.plan_fault(1 + random() % 80, io::Fault::kPowerCut);
                }
                std::vector<std::pair<size_t, uint64_t>> sent;
                uint64_t last = 0;
                for (int i = 0; i < 30; ++i) {
                    for (uint64_t k = 0; k < random() % 4; ++k) {
                        const uint64_t number = next++;
                        sent.emplace_back(
                            world.append(numbered_batch({number}, random() % 3000)), number
                        );
                    }
                    while (random() % 3 != 0) {
                        const auto delivery = world.buffer->take(false);
                        if (!delivery) {
                            break;
                        }
                        const uint64_t number = numbers_of(delivery->view)[0];
                        CHECK((last == 0 || number > last));
                        last = number;
                        delivered.insert(number);
                        world.buffer->settle(delivery->id, DeliveryReport::delivered(1));
                    }
                    if (random() % 2 == 0 && !world.fs.crashed()) {
                        test::eventually([&] {
                            return sent.empty() || world.report(sent.back().first) ||
                                   world.fs.crashed();
                        });
                    }
                }
                CHECK(world.counter("dropped", {{"reason", "buffer_corrupt"}}) == 0);
                cuts += world.fs.crashed() ? 1 : 0;
                if (run < 3) {
                    world.fs.crash();
                }
                world.close();
                for (const auto& [index, number] : sent) {
                    const auto report = world.report(index);
                    REQUIRE(report);
                    if (report->outcome == Outcome::kDelivered) {
                        acked.insert(number);
                    }
                }
                world.fs.restart();
            }
            REQUIRE(world.open());
            for (const uint64_t number : world.drain()) {
                delivered.insert(number);
            }
            CHECK(std::includes(delivered.begin(), delivered.end(), acked.begin(), acked.end()));
            CHECK(world.counter("dropped", {{"reason", "buffer_corrupt"}}) == 0);
        }
        CHECK(cuts > 300);
    }
}

TEST_SUITE("common/buffer/log/inspect") {
    TEST_CASE("a folder is described while it is used, and its damage found") {
        World world;
        REQUIRE(world.open());
        for (uint64_t n = 0; n < 20; ++n) {
            world.append_and_wait(numbered_batch({n}, 2000));
        }
        std::vector<uint64_t> rows;
        const auto nothing = [](const FrameHeader&, std::string_view) {};
        const auto used = inspect_folder(world.fs, "/b", nothing);
        REQUIRE(used);
        CHECK(used->is_sound());
        CHECK(used->rows_waiting == 20);
        CHECK(used->segments.size() > 2);
        world.close();
        const auto closed = inspect_folder(world.fs, "/b", nothing);
        CHECK(closed->id == used->id);
        REQUIRE(world.fs.flip_bit("/b/" + segment_name(0), 3000));
        const auto damaged = inspect_folder(world.fs, "/b", nothing);
        CHECK_FALSE(damaged->is_sound());
        CHECK(damaged->segments[0].bad_places == 1);
        CHECK(damaged->rows_waiting == 19);
        CHECK_FALSE(inspect_folder(world.fs, "/elsewhere", nothing));
    }
}

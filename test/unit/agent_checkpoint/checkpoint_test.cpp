// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "common/base/log.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::agent::checkpoint;

namespace {

const std::string kRoot = SEYIR_SOURCE_ROOT;

LaneCheckpoint example_lane(uint64_t acked_end) {
    LaneCheckpoint lane;
    lane.key = {{0x1122334455667788, 0x99aabbccddeeff00}, 2};
    lane.path = "/var/log/app.log";
    lane.device = 0xfe00;
    lane.inode = 4711;
    lane.birth = {1'767'225'600'123'456'789};
    lane.start = 10;
    lane.acked_end = acked_end;
    lane.tail_hash = 0x0123456789abcdef;
    lane.prefix_bytes = 1024;
    lane.prefix_hash = 0xfedcba9876543210;
    lane.has_consumed = true;
    lane.consumed_state = {acked_end, 1, 2, 3, 4, 5, 6, 7, 8, acked_end % 32, 0};
    lane.store_id = {1, 2};
    lane.last_ts = {1'767'225'601'000'000'000};
    lane.seen = {1'767'225'602'000'000'000};
    return lane;
}

/// The example of docs/format/checkpoint.md.
Checkpoint example() {
    Checkpoint checkpoint{.sequence = 7, .written = {1'767'225'602'000'000'000}, .inputs = {}};
    LaneCheckpoint bare;
    bare.path = "/b";
    bare.complete = true;
    checkpoint.inputs.push_back({"app", {1, 2}, 3, {example_lane(4096), bare}});
    checkpoint.inputs.push_back({"empty", {}, 0, {}});
    return checkpoint;
}

InputCheckpoint part(uint64_t acked_end) {
    return {"app", {1, 2}, 0, {example_lane(acked_end)}};
}

uint64_t acked_of(const CheckpointStore& store) {
    const auto loaded = store.loaded("app");
    return loaded ? loaded->lanes.at(0).acked_end : 0;
}

struct Site {
    explicit Site(uint64_t seed) : fs(seed) {}

    std::unique_ptr<CheckpointStore> make() {
        return std::make_unique<CheckpointStore>(fs, clock, registry, "/state");
    }

    io::FaultyFileSystem fs;
    io::ManualClock clock;
    metrics::Registry registry;
};

}  // namespace

TEST_SUITE("agent/checkpoint/checkpoint") {
    TEST_CASE("the checkpoint of the format page has exactly its bytes") {
        const std::string path = kRoot + "/test/golden/checkpoint_v1.bin";
        auto& fs = io::posix_file_system();
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            REQUIRE(io::write_file_atomically(fs, path, encode(example())));
            const std::string corpus = kRoot + "/test/fuzz/corpus/checkpoint";
            REQUIRE(fs.make_directories(corpus));
            REQUIRE(io::write_file_atomically(fs, corpus + "/example", encode(example())));
        }
        const auto golden = io::read_file(fs, path, 1 << 20);
        REQUIRE(golden);
        CHECK(encode(example()) == *golden);
        const auto read = decode(*golden);
        REQUIRE(read);
        CHECK(*read == example());
    }

    TEST_CASE("every cut and every flipped bit is noticed") {
        const std::string bytes = encode(example());
        for (size_t size = 0; size < bytes.size(); ++size) {
            CHECK(!decode(std::string_view(bytes).substr(0, size)));
        }
        for (size_t at = 0; at < bytes.size(); ++at) {
            std::string bad = bytes;
            bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
            CHECK(!decode(bad));
        }
        CHECK(decode(bytes + "left over from a longer write"));
    }

    TEST_CASE("a newer version is refused by name, not read as garbage") {
        std::string bytes = encode(example());
        bytes[8] = 9;
        const auto read = decode(bytes);
        REQUIRE(!read);
        CHECK(read.error().code == ErrorCode::kUnsupported);
        CHECK(read.error().message == "checkpoint version 9; this program reads 1");
    }

    TEST_CASE("the fuzz corpus is replayed") {
        CHECK(test::replay_corpus(kRoot + "/test/fuzz/corpus/checkpoint") > 0);
    }
}

TEST_SUITE("agent/checkpoint/checkpoint_store") {
    TEST_CASE("what was written is there after a restart; nothing changed writes nothing") {
        Site site(1);
        {
            const auto store = site.make();
            REQUIRE(store->open());
            CHECK(!store->loaded("app"));
            store->update(part(100));
            REQUIRE(store->write_now());
            const uint64_t changes = site.fs.changes();
            REQUIRE(store->write_now());
            CHECK(site.fs.changes() == changes);
            store->update(part(200));
        }
        const auto store = site.make();
        REQUIRE(store->open());
        CHECK(acked_of(*store) == 200);
        CHECK(store->events().empty());
    }

    TEST_CASE("a corrupt slot is an event; the other slot counts and is not written next") {
        Site site(2);
        {
            const auto store = site.make();
            REQUIRE(store->open());
            for (uint64_t end = 1; end <= 3; ++end) {
                store->update(part(end));
                REQUIRE(store->write_now());
            }
        }
        // Writes go 0, 1, 0: slot 0 holds 3, slot 1 holds 2.
        REQUIRE(site.fs.flip_bit("/state/checkpoint.0", 70));
        const auto store = site.make();
        REQUIRE(store->open());
        CHECK(acked_of(*store) == 2);
        REQUIRE(store->events().size() == 2);
        CHECK(store->events()[0] == "/state/checkpoint.0: checkpoint fails its checksum");
        store->update(part(9));
        site.fs.plan_fault(2, io::Fault::kPowerCut);
        CHECK(!store->write_now());
        site.fs.restart();
        const auto again = site.make();
        REQUIRE(again->open());
        CHECK(acked_of(*again) == 2);
    }

    TEST_CASE("both slots corrupt: an empty checkpoint and an event that says what follows") {
        Site site(3);
        {
            const auto store = site.make();
            REQUIRE(store->open());
            store->update(part(1));
            REQUIRE(store->write_now());
            store->update(part(2));
            REQUIRE(store->write_now());
        }
        REQUIRE(site.fs.flip_bit("/state/checkpoint.0", 50));
        REQUIRE(site.fs.flip_bit("/state/checkpoint.1", 50));
        const auto store = site.make();
        REQUIRE(store->open());
        CHECK(!store->loaded("app"));
        CHECK(
            store->events().back() ==
            "no good slot is left: positions come from the collector alone"
        );
    }

    TEST_CASE("a power cut at any operation leaves the last written or the one under way") {
        log::set_level(log::Level::kError);
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            Site site(seed);
            uint64_t written = 0;
            for (int round = 0; round < 6; ++round) {
                auto store = site.make();
                REQUIRE(store->open());
                const uint64_t found = acked_of(*store);
                CHECK((found == written || found == written + 1));
                written = found;
                site.fs.plan_fault(
                    1 + (seed * 7 + static_cast<uint64_t>(round) * 3) % 13, io::Fault::kPowerCut
                );
                while (!site.fs.crashed()) {
                    store->update(part(written + 1));
                    if (store->write_now()) {
                        ++written;
                    }
                }
                store.reset();
                site.fs.restart();
            }
        }
    }

    TEST_CASE("a full disk keeps the good slot, says so, and goes on once there is room") {
        log::set_level(log::Level::kError);
        Site site(4);
        const auto store = site.make();
        REQUIRE(store->open());
        store->update(part(1));
        REQUIRE(store->write_now());
        store->update(part(2));
        site.fs.plan_fault(2, io::Fault::kNoSpace);
        const auto written = store->write_now();
        REQUIRE(!written);
        CHECK(written.error().code == ErrorCode::kNoSpace);
        CHECK(store->trouble().find("free space or fix state_dir") != std::string::npos);
        {
            const auto other = site.make();
            REQUIRE(other->open());
            CHECK(acked_of(*other) == 1);
        }
        REQUIRE(store->write_now());
        CHECK(store->trouble().empty());
    }
}

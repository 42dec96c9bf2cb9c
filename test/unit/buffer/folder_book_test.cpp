// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/folder_book.hpp"

#include <doctest/doctest.h>

#include "common/buffer/buffer_set.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/buffer/fake_output.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using namespace std::chrono_literals;
using Kind = BufferOptions::Kind;

/// A program that is started and reloaded with other outputs, and whose far side is away.
struct World {
    World() {
        far->set([](const BatchView&) -> std::optional<DeliveryReport> {
            return DeliveryReport::retry("away");
        });
    }

    /// Rows go into the buffer of `id`, which the program then gives up.
    void fill(const std::string& id, const std::string& path) {
        BufferedOutputSetup setup{
            .id = id,
            .buffer = {.kind = Kind::kDisk, .max_size_bytes = 64 << 20, .path = path},
            .retry = {.initial = 1ms, .max = 5ms},
            .on_dead_letter = {}
        };
        auto output = set->wrap(std::make_unique<test::FakeOutput>(far), setup);
        REQUIRE(output->start());
        std::atomic<bool> is_answered{false};
        output->deliver({test::numbered_batch({1, 2}), {}}, [&](const DeliveryReport& report) {
            CHECK(report.outcome == Outcome::kDelivered);
            is_answered = true;
        });
        REQUIRE(test::eventually([&] { return is_answered.load(); }));
        CHECK(set->find_left().empty());  // it is its own
        output->stop(io::system_clock().steady_now());
    }

    void restart() { set = make(); }

    std::unique_ptr<BufferSet> make() {
        return std::make_unique<BufferSet>(fs, io::system_clock(), registry, "/state");
    }

    std::shared_ptr<test::FakeOutput::Far> far = std::make_shared<test::FakeOutput::Far>();
    metrics::Registry registry;
    io::FaultyFileSystem fs{1};
    std::unique_ptr<BufferSet> set = make();
};

}  // namespace

TEST_SUITE("common/buffer/left_folders") {
    TEST_CASE("rows of an output that was renamed are found after a restart") {
        World w;
        w.fill("far", "");
        w.restart();
        const auto left = w.set->find_left();
        REQUIRE(left.size() == 1);
        CHECK(left[0] == LeftFolder{"far", "/state/buffer/far", 2});
    }

    TEST_CASE("rows of an output that has no disk buffer any more are found after a reload") {
        World w;
        w.fill("far", "");
        w.set->keep_only({"far"});  // it is in memory now
        const auto left = w.set->find_left();
        REQUIRE(left.size() == 1);
        CHECK(left[0].id == "far");
    }

    TEST_CASE("rows in a folder the output had before are found, wherever that was") {
        World w;
        w.fill("far", "/mnt/spool");
        REQUIRE(w.set->open("far", {.kind = Kind::kDisk, .max_size_bytes = 64 << 20}));
        const auto left = w.set->find_left();
        REQUIRE(left.size() == 1);
        CHECK(left[0] == LeftFolder{"far", "/mnt/spool", 2});
        w.restart();
        REQUIRE(w.set->open("far", {.kind = Kind::kDisk, .max_size_bytes = 64 << 20}));
        CHECK(w.set->find_left() == left);
    }

    TEST_CASE("a folder that an output sends again is left no longer") {
        World w;
        w.fill("far", "");
        w.restart();
        REQUIRE(w.set->find_left().size() == 1);
        const BufferOptions options{
            .kind = Kind::kDisk, .max_size_bytes = 64 << 20, .path = "/state/buffer/far"
        };
        REQUIRE(w.set->open("renamed", options));
        CHECK(w.set->find_left().empty());
    }

    TEST_CASE("folders where nothing waits are no concern") {
        World w;
        REQUIRE(w.set->open("far", {.kind = Kind::kDisk, .max_size_bytes = 64 << 20}));
        w.restart();
        CHECK(w.set->find_left().empty());
        w.set = nullptr;
        const auto known = FolderBook(w.fs, "/state").read();
        REQUIRE(known);
        CHECK(known->size() == 1);  // its folder is still there
    }

    TEST_CASE("the book says which folders have an owner") {
        World w;
        w.fill("old", "/mnt/spool");
        w.set->keep_only({});
        REQUIRE(w.set->open("far", {.kind = Kind::kDisk, .max_size_bytes = 64 << 20}));
        CHECK(w.set->find_left().size() == 1);
        const auto known = FolderBook(w.fs, "/state").read();
        REQUIRE(known);
        REQUIRE(known->size() == 2);
        CHECK((*known)[0].id == "far");
        CHECK((*known)[0].is_owned);
        CHECK((*known)[1].folder == "/mnt/spool");
        CHECK(!(*known)[1].is_owned);
    }

    TEST_CASE("a damaged book is no error: what it does not say is looked up") {
        World w;
        w.fill("far", "");
        w.restart();
        for (const char* text : {"", "+", "\n\n", "-far", "+far\n", "?far\t/x\n"}) {
            REQUIRE(io::write_file_atomically(w.fs, "/state/buffer/folders", text));
            CHECK(w.set->find_left().size() == 1);
        }
    }
}

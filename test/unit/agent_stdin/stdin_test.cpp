// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include "agent/input/stdin/stdin_input.hpp"
#include "test/support/eventually.hpp"

using namespace seyir;
using namespace seyir::agent::input;
using namespace std::chrono_literals;

namespace {

StreamLabelsPtr labels() {
    return *StreamLabels::make({{"host", "h"}});
}

std::vector<std::string> bodies(const RecordBatch& batch) {
    std::vector<std::string> all;
    for (size_t i = 0; i < batch.row_count(); ++i) {
        all.emplace_back(batch.body(i));
    }
    return all;
}

/// What the lines of `text` are, by the simplest means.
std::vector<std::string> lines_of(const std::string& text, size_t max_line_bytes) {
    std::vector<std::string> all;
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        do {
            all.push_back(line.substr(0, max_line_bytes));
            line.erase(0, max_line_bytes);
        } while (!line.empty());
        at = end + 1;
    }
    return all;
}

/// A pipe, the input that reads it, and outputs that answer as told.
struct World {
    World() {
        REQUIRE(::pipe(fds.data()) == 0);
        setup.fd = fds[0];
        setup.labels = labels();
        setup.retry_after = 1ms;
        setup.on_end = [this] { ended.store(true); };
    }

    ~World() {
        close_writer();
        ::close(fds[0]);
    }

    void start() {
        input = std::make_unique<StdinInput>(setup, io::system_clock(), registry);
        REQUIRE(input->start([this](RecordBatchPtr batch) {
            std::lock_guard lock(mutex);
            AckToken token = batch->take_ack();
            if (holds) {
                held.emplace_back(batch, std::move(token));
            } else if (refusals > 0) {
                --refusals;
                token.resolve(DeliveryReport::retry("not now"));
            } else {
                take(*batch);
                token.resolve(DeliveryReport::delivered(1));
            }
        }));
    }

    void take(const RecordBatch& batch) {
        for (std::string& body : bodies(batch)) {
            got.push_back(std::move(body));
        }
    }

    void write(const std::string& text) {
        REQUIRE(::write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }

    void close_writer() {
        if (fds[1] >= 0) {
            ::close(std::exchange(fds[1], -1));
        }
    }

    std::vector<std::string> lines() {
        const std::lock_guard lock(mutex);
        return got;
    }

    std::array<int, 2> fds{-1, -1};
    StdinSetup setup;
    metrics::Registry registry;
    std::mutex mutex;
    std::vector<std::string> got;
    std::vector<std::pair<RecordBatchPtr, AckToken>> held;
    int refusals = 0;
    bool holds = false;
    std::atomic<bool> ended{false};
    std::unique_ptr<StdinInput> input;
};

}  // namespace

TEST_SUITE("agent/input/stdin") {
    TEST_CASE("lines come out the same however the bytes are cut") {
        const uint64_t seed = std::random_device{}();
        MESSAGE("seed ", seed);
        std::mt19937_64 random(seed);
        for (int round = 0; round < 200; ++round) {
            std::string text;
            const size_t length = random() % 200;
            for (size_t i = 0; i < length; ++i) {
                text += random() % 6 == 0 ? '\n' : static_cast<char>('a' + random() % 26);
            }
            LineBatcher batcher(labels(), 10);
            size_t at = 0;
            while (at < text.size()) {
                const size_t bytes = 1 + random() % 30;
                batcher.add(std::string_view(text).substr(at, bytes), UnixNanos{1});
                at += bytes;
            }
            batcher.end(UnixNanos{1});
            CHECK(bodies(*batcher.take()) == lines_of(text, 10));
        }
    }

    TEST_CASE("an over-long line is split and counted once") {
        LineBatcher batcher(labels(), 4);
        batcher.add("abcdefghij\nk\n", UnixNanos{5});
        CHECK(batcher.split_lines() == 1);
        const auto batch = batcher.take();
        CHECK(bodies(*batch) == std::vector<std::string>{"abcd", "efgh", "ij", "k"});
        CHECK(batch->ts(0) < batch->ts(1));
    }

    TEST_CASE("a pipe's lines are handed on while it stays open") {
        World world;
        world.start();
        world.write("one\ntwo\nthr");
        CHECK(test::eventually([&] {
            return world.lines() == std::vector<std::string>{"one", "two"};
        }));
        world.write("ee\n");
        CHECK(test::eventually([&] { return world.lines().size() == 3; }));
        CHECK(world.lines().back() == "three");
        CHECK_FALSE(world.ended.load());
        world.input->stop();
    }

    TEST_CASE("the end is told once every line is safe, a last one without line break too") {
        World world;
        world.refusals = 5;
        world.start();
        world.write("one\ntwo");
        world.close_writer();
        CHECK(test::eventually([&] { return world.ended.load(); }));
        auto all = world.lines();
        std::ranges::sort(all);
        CHECK(all == std::vector<std::string>{"one", "two"});
        world.input->stop();
    }

    TEST_CASE("while outputs hold everything the pipe is not read beyond the budget") {
        World world;
        world.setup.in_flight_bytes_max = 1;
        world.setup.batch_raw_bytes = 1;
        world.holds = true;
        world.start();
        world.write("one\n");
        CHECK(test::eventually([&] {
            const std::lock_guard lock(world.mutex);
            return world.held.size() == 1;
        }));
        world.write("two\n");
        CHECK(test::eventually([&] { return !world.input->health().ok; }));
        std::vector<std::pair<RecordBatchPtr, AckToken>> held;
        {
            const std::lock_guard lock(world.mutex);
            CHECK(world.held.size() == 1);
            held.swap(world.held);
            world.holds = false;
        }
        held[0].second.resolve(DeliveryReport::delivered(1));
        CHECK(test::eventually([&] { return world.lines() == std::vector<std::string>{"two"}; }));
        world.input->stop();
    }
}

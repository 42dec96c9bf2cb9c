// SPDX-License-Identifier: Apache-2.0
// The thread and inotify: real time, conditions with deadlines, no sleeps.
#include "agent/input/tail_input.hpp"

#include <atomic>
#include <mutex>

#include <doctest/doctest.h>

#include "test/support/eventually.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;
using test::eventually;

namespace {

class Running {
  public:
    explicit Running(const std::string& glob) {
        REQUIRE(checkpoints.open());
        checkpoints.start();
        TailOptions options;
        options.id = "app";
        options.include = {dir.at(glob)};
        options.labels = *StreamLabels::make({{"input", "app"}});
        // Only inotify can be this quick.
        options.rescan_interval = std::chrono::hours(1);
        input = std::make_unique<TailInput>(
            options, TailDeps{io::posix_file_system(), io::system_clock(), registry, checkpoints}
        );
    }

    void start() {
        REQUIRE(input->start([this](RecordBatchPtr batch) {
            AckToken ack = batch->take_ack();
            {
                const std::lock_guard lock(mutex);
                for (size_t i = 0; i < batch->row_count(); ++i) {
                    lines.emplace_back(batch->body(i));
                }
            }
            ack.resolve(DeliveryReport::delivered(static_cast<uint32_t>(batch->row_count())));
        }));
    }

    size_t count() {
        const std::lock_guard lock(mutex);
        return lines.size();
    }

    TempDir dir;
    TempDir state;
    metrics::Registry registry;
    seyir::agent::checkpoint::CheckpointStore checkpoints{
        io::posix_file_system(), io::system_clock(), registry, state.at("agent")
    };
    std::mutex mutex;
    std::vector<std::string> lines;
    std::unique_ptr<TailInput> input;
};

}  // namespace

TEST_SUITE("agent/input/tail_input") {
    TEST_CASE("inotify alone: appends, new files, new directories, rotation") {
        Running running("**/*.log*");
        running.start();
        CHECK(running.input->health().ok);
        CHECK(eventually([&] { return running.input->status().files == 0; }));
        running.dir.append("a.log", "one\n");
        CHECK(eventually([&] { return running.count() == 1; }));
        running.dir.append("a.log", "two\n");
        CHECK(eventually([&] { return running.count() == 2; }));
        stdfs::create_directories(running.dir.at("sub"));
        running.dir.append("sub/b.log", "three\n");
        CHECK(eventually([&] { return running.count() == 3; }));
        running.dir.append("a.log", "four\n");
        running.dir.rename("a.log", "a.log.1");
        running.dir.append("a.log", "five\n");
        CHECK(eventually([&] { return running.count() == 5; }));
        running.input->stop();
        running.input->settle();
        REQUIRE(running.checkpoints.write_now());
        const auto saved = running.checkpoints.loaded("app");
        CHECK(!saved);  // what the run began with; the new part is on disk
    }

    TEST_CASE("stop hands on what was read and lets no batch follow") {
        Running running("*.log");
        running.start();
        running.dir.append("a.log", text_of(lines_of("x", 0, 50'000)));
        CHECK(eventually([&] { return running.count() > 0; }));
        running.input->stop();
        const size_t count = running.count();
        running.dir.append("a.log", "late\n");
        CHECK(running.count() == count);
        running.input->settle();
    }

    TEST_CASE("a glob that makes no sense is an error at start, with the input's name") {
        Running running("[x");
        const auto started = running.input->start([](RecordBatchPtr) {});
        REQUIRE(!started);
        CHECK(started.error().message.starts_with("input app: glob "));
    }

    TEST_CASE("tokens may resolve after the input is gone") {
        std::vector<AckToken> tokens;
        std::mutex mutex;
        {
            Running running("*.log");
            REQUIRE(running.input->start([&](RecordBatchPtr batch) {
                const std::lock_guard lock(mutex);
                tokens.push_back(batch->take_ack());
            }));
            running.dir.append("a.log", "one\n");
            CHECK(eventually([&] {
                const std::lock_guard lock(mutex);
                return !tokens.empty();
            }));
        }
        tokens.clear();
    }
}

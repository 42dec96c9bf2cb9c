// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/spooled_output.hpp"

#include <map>

#include <doctest/doctest.h>

#include "common/io/faulty_file_system.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/buffer/fake_output.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using namespace std::chrono_literals;
using test::FakeOutput;
using test::numbered_batch;

SteadyTime in(Nanos wait) {
    return io::system_clock().steady_now() + wait;
}

/// A far side that keeps positions as a collector does: what joins is stored, once.
struct FarLanes {
    std::mutex mutex;
    std::map<SourceKey, uint64_t> committed;
    std::map<SourceKey, uint64_t> hashes;

    DeliveryReport judge(const BatchView& view) {
        const std::lock_guard lock(mutex);
        for (const SourcePosition& p : view.batch->positions()) {
            uint64_t& at = committed[p.key];
            if (p.end <= at) {
                return {.duplicate = static_cast<uint32_t>(view.row_count())};
            }
            if (p.begin != at && !p.lane_start) {
                return {.outcome = Outcome::kRewind};
            }
            at = p.end;
            hashes[p.key] = p.tail_hash;
        }
        return DeliveryReport::delivered(static_cast<uint32_t>(view.row_count()));
    }
};

class PositionedOutput final : public pipeline::Output, public pipeline::PositionSource {
  public:
    PositionedOutput(std::shared_ptr<FakeOutput::Far> far, std::shared_ptr<FarLanes> lanes)
        : output_(std::move(far)), lanes_(std::move(lanes)) {}

    Result<void> start() override { return output_.start(); }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        output_.deliver(std::move(view), std::move(done));
    }

    void stop(SteadyTime deadline) override { output_.stop(deadline); }

    pipeline::ComponentHealth health() const override { return output_.health(); }

    bool keeps_positions() const override { return true; }

    void ask_committed(std::vector<SourceKey> keys, OnAnswer on_answer) override {
        pipeline::CommittedAnswer answer;
        {
            const std::lock_guard lock(lanes_->mutex);
            for (const SourceKey& key : keys) {
                const auto at = lanes_->committed.find(key);
                const bool known = at != lanes_->committed.end();
                answer.lanes.push_back(
                    {key, known, known ? at->second : 0, known ? lanes_->hashes[key] : 0}
                );
            }
        }
        on_answer(std::move(answer));
    }

    void fork(std::string /*detail*/) override {}

    void report_event(std::string /*kind*/, std::string /*detail*/) override {}

    void on_store_changed(std::function<void()> /*listener*/) override {}

  private:
    FakeOutput output_;
    const std::shared_ptr<FarLanes> lanes_;
};

RecordBatchPtr positioned_batch(std::vector<uint64_t> numbers, uint64_t begin, uint64_t end) {
    RecordBatch batch = clone_rows({numbered_batch(numbers), {}});
    batch.replace_positions({.key = {{1, 1}, 0}, .begin = begin, .end = end, .tail_hash = end});
    return std::make_shared<const RecordBatch>(std::move(batch));
}

/// Successive runs of a program with one state directory, and one far side.
struct World {
    World() {
        far->set([lanes = lanes](const BatchView& view) { return lanes->judge(view); });
        setup.id = "far";
        setup.buffer = {.kind = BufferOptions::Kind::kSpool, .max_size_bytes = 64 << 20};
        setup.retry = {.initial = 1ms, .max = 5ms};
        begin_run();
    }

    void begin_run() {
        registry = std::make_unique<metrics::Registry>();
        set = std::make_unique<BufferSet>(fs, io::system_clock(), *registry, "/state");
        output = set->wrap(std::make_unique<PositionedOutput>(far, lanes), setup);
    }

    void end_run() {
        output->stop(in(5s));
        output.reset();
        set.reset();
    }

    Outcome deliver(RecordBatchPtr batch) {
        auto answer = std::make_shared<std::pair<std::mutex, std::optional<DeliveryReport>>>();
        output->deliver({std::move(batch), {}}, [answer](DeliveryReport report) {
            const std::lock_guard lock(answer->first);
            answer->second = std::move(report);
        });
        REQUIRE(test::eventually([&] {
            const std::lock_guard lock(answer->first);
            return answer->second.has_value();
        }));
        const std::lock_guard lock(answer->first);
        return answer->second->outcome;
    }

    bool has_folder() { return fs.list("/state/buffer/far").has_value(); }

    std::shared_ptr<FakeOutput::Far> far = std::make_shared<FakeOutput::Far>();
    std::shared_ptr<FarLanes> lanes = std::make_shared<FarLanes>();
    io::FaultyFileSystem fs{1};
    BufferedOutputSetup setup;
    std::unique_ptr<metrics::Registry> registry;
    std::unique_ptr<BufferSet> set;
    std::unique_ptr<pipeline::Output> output;
};

std::optional<DeliveryReport> refuse(const BatchView& /*view*/) {
    return DeliveryReport::retry("the far side is away");
}

}  // namespace

TEST_SUITE("common/buffer/spooled") {
    TEST_CASE("batches with positions go straight through and leave no folder") {
        World world;
        REQUIRE(world.output->start());
        CHECK(world.deliver(positioned_batch({1, 2}, 0, 10)) == Outcome::kDelivered);
        CHECK(world.far->numbers() == std::vector<uint64_t>{1, 2});
        world.far->set(refuse);
        CHECK(world.deliver(positioned_batch({3}, 10, 20)) == Outcome::kRetry);
        CHECK_FALSE(world.has_folder());
        world.end_run();
    }

    TEST_CASE("batches without positions are answered for while the far side is away") {
        World world;
        world.far->set(refuse);
        REQUIRE(world.output->start());
        CHECK(world.deliver(numbered_batch({1, 2})) == Outcome::kDelivered);
        CHECK(world.has_folder());
        CHECK(world.far->numbers().empty());
        world.end_run();
    }

    TEST_CASE("what an earlier run spooled goes out, once, though no input makes more") {
        World world;
        world.far->set(refuse);
        REQUIRE(world.output->start());
        CHECK(world.deliver(numbered_batch({1, 2})) == Outcome::kDelivered);
        CHECK(world.deliver(numbered_batch({3})) == Outcome::kDelivered);
        world.end_run();
        world.far->set([lanes = world.lanes](const BatchView& view) { return lanes->judge(view); });
        for (int run = 0; run < 3; ++run) {
            world.begin_run();
            REQUIRE(world.output->start());
            CHECK(test::eventually([&] {
                return world.far->numbers() == std::vector<uint64_t>{1, 2, 3};
            }));
            world.end_run();
        }
        CHECK(world.far->numbers() == std::vector<uint64_t>{1, 2, 3});
    }

    TEST_CASE("an answer that was lost does not store rows twice") {
        World world;
        int deliveries = 0;
        world.far->set([&deliveries, lanes = world.lanes](const BatchView& view) {
            // The store's rows are noted by the judgement, the answer gets lost.
            const DeliveryReport stored = lanes->judge(view);
            return deliveries++ == 0 ? DeliveryReport::retry("the connection is lost") : stored;
        });
        REQUIRE(world.output->start());
        CHECK(world.deliver(numbered_batch({1})) == Outcome::kDelivered);
        CHECK(world.deliver(numbered_batch({2})) == Outcome::kDelivered);
        auto rows = [&] {
            world.registry->text();
            return world.registry->gauge("seyir_buffer_rows", "", {{"component", "far"}}).value();
        };
        CHECK(test::eventually([&] { return rows() == 0; }));
        uint64_t positions = 0;
        for (const auto& [key, committed] : world.lanes->committed) {
            positions += committed > 0 ? 1 : 0;
        }
        CHECK(positions == 1);
        CHECK(deliveries >= 2);
        world.end_run();
    }

    TEST_CASE("a folder that cannot be made is an error of the start when it is needed") {
        for (const bool expected : {false, true}) {
            World world;
            world.setup.expects_spooled = expected;
            world.setup.buffer.path = "/state/taken";
            {
                auto file = world.fs.open("/state/taken", io::OpenMode::kWriteTruncate);
                REQUIRE(world.fs.make_directories("/state"));
                file = world.fs.open("/state/taken", io::OpenMode::kWriteTruncate);
                REQUIRE(file);
            }
            world.begin_run();
            const auto started = world.output->start();
            CHECK(started.has_value() != expected);
            if (!expected) {
                CHECK(world.deliver(numbered_batch({1})) == Outcome::kRetry);
            }
            world.end_run();
        }
    }
}

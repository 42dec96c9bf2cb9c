// SPDX-License-Identifier: Apache-2.0
// Who is answered when, and what becomes of rows when an answer is "again": the promises of
// DESIGN 7 that a reader of the engine cannot see in one place.
#include <deque>
#include <optional>

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/pipeline/world.hpp"

using namespace seyir;
using namespace seyir::pipeline;
using namespace seyir::test;

namespace {

using Bodies = std::vector<std::string>;

SteadyTime soon() {
    return io::system_clock().steady_now() + std::chrono::seconds(10);
}

/// Answers when told.
class WaitingOutput final : public Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView view, DeliverDone done) override {
        held.emplace_back(std::move(view), std::move(done));
    }

    void answer(DeliveryReport report) {
        auto [view, done] = std::move(held.front());
        held.pop_front();
        done(std::move(report));
    }

    void stop(SteadyTime) override {
        while (!held.empty()) {
            answer(DeliveryReport::retry("stopping"));
        }
    }

    ComponentHealth health() const override { return {}; }

    std::deque<std::pair<BatchView, DeliverDone>> held;
};

/// Refuses rows of an earlier run while it starts, as a disk buffer does.
class ReplayingOutput final : public Output {
  public:
    explicit ReplayingOutput(std::function<void()> replay) : replay_(std::move(replay)) {}

    Result<void> start() override {
        replay_();
        return {};
    }

    void deliver(BatchView /*view*/, DeliverDone done) override { done({}); }

    void stop(SteadyTime) override {}

    ComponentHealth health() const override { return {}; }

  private:
    std::function<void()> replay_;
};

struct World {
    metrics::Registry registry;
    GraphSpec spec;
    std::shared_ptr<HandInput> input = std::make_shared<HandInput>();
    std::shared_ptr<KeepingOutput> dead = std::make_shared<KeepingOutput>();
    std::optional<DeliveryReport> answer;
    Engine engine{registry};

    World() { spec.inputs.push_back({.id = "app", .input = input, .remake = {}}); }

    ~World() { engine.stop(io::system_clock().steady_now()); }

    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void add(const std::string& id, std::shared_ptr<Output> output) {
        spec.outputs.push_back({.id = id, .output = std::move(output)});
    }

    void send(const Bodies& bodies) {
        auto batch = batch_of(bodies);
        batch->set_ack(AckToken([this](const DeliveryReport& report) { answer = report; }));
        input->send(std::move(batch));
    }

    std::optional<DeliveryReport> bury(const std::string& output, const BatchView& rows) {
        std::optional<DeliveryReport> said;
        engine.send_dead_letter(
            output, rows, "bad_row", "refused", AckToken([&said](const DeliveryReport& report) {
                said = report;
            })
        );
        return said;
    }

    uint64_t dropped(const std::string& component, const std::string& reason) {
        return dropped_rows(registry, component, reason).value();
    }
};

}  // namespace

TEST_SUITE("common/pipeline/promise") {
    TEST_CASE("an output a source resumes by gets its batch once all others are done with it") {
        World w;
        auto store = std::make_shared<KeepingOutput>();
        store->positions = true;
        auto file = std::make_shared<WaitingOutput>();
        w.add("store", store);
        w.add("file", file);
        w.spec.routes.push_back({.name = "all", .to = {"store", "file"}});
        REQUIRE(w.engine.start(w.spec));
        w.send({"1"});
        REQUIRE(file->held.size() == 1);
        CHECK(store->bodies().empty());
        file->answer(DeliveryReport::delivered(1));
        CHECK(store->bodies() == Bodies{"1"});
        REQUIRE(w.answer);
        CHECK(w.answer->outcome == Outcome::kDelivered);
    }

    TEST_CASE("an output a source resumes by never gets what another output has not taken") {
        for (const Outcome outcome : {Outcome::kRetry, Outcome::kRewind}) {
            World w;
            auto store = std::make_shared<KeepingOutput>();
            store->positions = true;
            auto file = std::make_shared<WaitingOutput>();
            w.add("store", store);
            w.add("file", file);
            w.spec.routes.push_back({.name = "all", .to = {"store", "file"}});
            REQUIRE(w.engine.start(w.spec));
            w.send({"1"});
            file->answer({.outcome = outcome, .message = "disk full"});
            CHECK(store->views().empty());
            REQUIRE(w.answer);
            CHECK(w.answer->outcome == outcome);
        }
    }

    TEST_CASE("an output a source resumes by waits for dead letters too") {
        World w;
        auto store = std::make_shared<KeepingOutput>();
        store->positions = true;
        auto far = std::make_shared<KeepingOutput>();
        far->answer = [](const BatchView&) {
            return DeliveryReport{.outcome = Outcome::kRejected, .dropped = 1, .reason = "bad"};
        };
        auto dead = std::make_shared<WaitingOutput>();
        w.add("store", store);
        w.add("far", far);
        w.add("dead", dead);
        w.spec.routes.push_back({.name = "all", .to = {"store", "far"}, .dead_letter = "dead"});
        REQUIRE(w.engine.start(w.spec));
        w.send({"1"});
        REQUIRE(dead->held.size() == 1);
        CHECK(store->views().empty());
        dead->answer(DeliveryReport::delivered(1));
        CHECK(store->bodies() == Bodies{"1"});
    }

    TEST_CASE("an output that is buffered on disk does not wait for the others") {
        World w;
        auto disk = std::make_shared<KeepingOutput>();
        disk->positions = true;
        auto file = std::make_shared<WaitingOutput>();
        w.spec.outputs.push_back({.id = "disk", .output = disk, .is_buffered = true});
        w.add("file", file);
        w.spec.routes.push_back({.name = "all", .to = {"disk", "file"}});
        REQUIRE(w.engine.start(w.spec));
        w.send({"1"});
        CHECK(disk->bodies() == Bodies{"1"});
        CHECK(!w.answer);
    }

    TEST_CASE("a dead letter's sender is answered with what the dead letter output says") {
        World w;
        w.add("far", std::make_shared<KeepingOutput>());
        w.add("dead", w.dead);
        w.spec.routes.push_back({.name = "all", .to = {"far"}, .dead_letter = "dead"});
        REQUIRE(w.engine.start(w.spec));
        w.dead->answer = [](const BatchView&) { return DeliveryReport::retry("disk full"); };
        const auto refused = w.bury("far", {batch_of({"1"}), {}});
        REQUIRE(refused);
        CHECK(refused->outcome == Outcome::kRetry);
        CHECK(refused->message == "disk full");
        w.dead->answer = {};
        const auto taken = w.bury("far", {batch_of({"1"}), {}});
        REQUIRE(taken);
        CHECK(taken->outcome == Outcome::kDelivered);
        CHECK(w.dropped("far", "bad_row") == 0);
    }

    TEST_CASE("without a dead letter output refused rows are dropped, counted, and answered for") {
        World w;
        w.add("far", std::make_shared<KeepingOutput>());
        w.spec.routes.push_back({.name = "all", .to = {"far"}});
        REQUIRE(w.engine.start(w.spec));
        const auto said = w.bury("far", {batch_of({"1", "2"}), {}});
        REQUIRE(said);
        CHECK(said->outcome == Outcome::kDropped);
        CHECK(w.dropped("far", "bad_row") == 2);
    }

    TEST_CASE("rows come back to the output that refused them no second time") {
        World w;
        auto far = std::make_shared<KeepingOutput>();
        w.add("far", far);
        w.spec.routes.push_back({.name = "all", .to = {"far"}, .dead_letter = "far"});
        REQUIRE(w.engine.start(w.spec));
        REQUIRE(w.bury("far", {batch_of({"1"}), {}}));
        REQUIRE(far->views().size() == 1);
        const auto said = w.bury("far", far->views()[0]);
        REQUIRE(said);
        CHECK(said->outcome == Outcome::kDropped);
        CHECK(far->views().size() == 1);
        CHECK(w.dropped("far", "bad_row") == 1);
    }

    TEST_CASE("rows refused while outputs start are neither lost nor delivered too early") {
        World w;
        std::optional<DeliveryReport> said;
        w.add("far", std::make_shared<ReplayingOutput>([&] {
                  said = w.bury("far", {batch_of({"1"}), {}});
                  CHECK(w.dead->views().empty());
              }));
        w.add("dead", w.dead);
        w.spec.routes.push_back({.name = "all", .to = {"far"}, .dead_letter = "dead"});
        REQUIRE(w.engine.start(w.spec));
        REQUIRE(said);
        CHECK(said->outcome == Outcome::kRetry);
        CHECK(w.dropped("far", "bad_row") == 0);
        CHECK(w.bury("far", {batch_of({"1"}), {}})->outcome == Outcome::kDelivered);
    }

    TEST_CASE("rows refused while the outputs of a new graph start reach its dead letters") {
        World w;
        w.add("store", std::make_shared<KeepingOutput>());
        w.add("dead", w.dead);
        w.spec.routes.push_back({.name = "all", .to = {"store"}, .dead_letter = "dead"});
        REQUIRE(w.engine.start(w.spec));
        std::optional<DeliveryReport> said;
        w.add("far", std::make_shared<ReplayingOutput>([&] {
                  said = w.bury("far", {batch_of({"1"}), {}});
              }));
        w.spec.routes.push_back({.name = "more", .to = {"far"}, .dead_letter = "dead"});
        REQUIRE(w.engine.replace(w.spec, soon()));
        REQUIRE(said);
        CHECK(said->outcome == Outcome::kDelivered);
        CHECK(w.dead->bodies() == Bodies{"1"});
    }

    TEST_CASE("a dead letter nobody sends again is counted as dropped when it cannot be written") {
        World w;
        w.add("store", std::make_shared<KeepingOutput>());
        w.add("dead", w.dead);
        w.dead->answer = [](const BatchView&) { return DeliveryReport::retry("disk full"); };
        w.spec.filters.push_back(filter_spec("bad", [](BatchView, FilterSink&) -> Result<void> {
            return fail(ErrorCode::kInvalidArgument, "no");
        }));
        w.spec.routes.push_back(
            {.name = "copy",
             .through = {"bad"},
             .to = {"store"},
             .dead_letter = "dead",
             .required = false}
        );
        REQUIRE(w.engine.start(w.spec));
        w.send({"1", "2"});
        CHECK(eventually([&] { return w.dropped("dead", "output_failed") == 2; }));
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/engine.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "common/pipeline/loop_watch.hpp"
#include "common/pipeline/report.hpp"

using namespace seyir;
using namespace seyir::pipeline;

namespace {

class HandInput final : public Input {
  public:
    Result<void> start(Submit submit) override {
        submit_ = std::move(submit);
        return {};
    }

    void stop() override { stopped = true; }

    ComponentHealth health() const override { return {}; }

    void send(RecordBatchPtr batch) { submit_(std::move(batch)); }

    bool stopped = false;

  private:
    Submit submit_;
};

class HoldingOutput final : public Output {
  public:
    struct Held {
        BatchView view;
        DeliverDone done;
    };

    Result<void> start() override {
        if (refuse_start) {
            return fail(ErrorCode::kIo, "no disk");
        }
        return {};
    }

    void deliver(BatchView view, DeliverDone done) override {
        held.push_back({std::move(view), std::move(done)});
    }

    /// Answers the oldest.
    void answer(DeliveryReport report) {
        Held oldest = std::move(held.front());
        held.erase(held.begin());
        oldest.done(std::move(report));
    }

    void stop(SteadyTime) override {
        while (!held.empty()) {
            answer(DeliveryReport::retry("stopping"));
        }
    }

    ComponentHealth health() const override { return {}; }

    bool keeps_positions() const override { return positions; }

    std::vector<Held> held;
    bool positions = false;
    bool refuse_start = false;
};

struct World {
    std::optional<DeliveryReport> answer;  // before the engine, whose end may still answer
    metrics::Registry registry;
    GraphSpec spec;
    Engine engine{registry};
    HandInput* input = nullptr;
    HoldingOutput* first = nullptr;
    HoldingOutput* second = nullptr;

    World() {
        auto in = std::make_unique<HandInput>();
        auto a = std::make_unique<HoldingOutput>();
        auto b = std::make_unique<HoldingOutput>();
        input = in.get();
        first = a.get();
        second = b.get();
        spec.inputs.push_back({.id = "app", .input = std::move(in), .remake = {}});
        spec.outputs.push_back({.id = "store", .output = std::move(a)});
        spec.outputs.push_back({.id = "file", .output = std::move(b)});
    }

    ~World() { engine.stop(io::system_clock().steady_now()); }

    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void route(Route r) { spec.routes.push_back(std::move(r)); }

    Result<void> start() { return engine.start(spec); }

    void send(std::vector<std::string> bodies) {
        auto batch = std::make_shared<RecordBatch>();
        const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
        const uint16_t origin = batch->add_position({.end = 10});
        for (const std::string& body : bodies) {
            batch->append_row(
                {.ts = {1}, .stream = stream, .origin = origin, .body = batch->arena().copy(body)}
            );
        }
        batch->set_ack(AckToken([this](const DeliveryReport& report) { answer = report; }));
        input->send(std::move(batch));
    }
};

Selection with_letter(const BatchView& view, char letter) {
    std::vector<uint32_t> rows;
    for_each_row(view, [&](uint32_t i) {
        if (view.batch->body(i).find(letter) != Slice::npos) {
            rows.push_back(i);
        }
    });
    return Selection::of(std::move(rows));
}

RowMatch letter(char c) {
    return [c](const BatchView& view) { return with_letter(view, c); };
}

}  // namespace

TEST_SUITE("common/pipeline/engine") {
    TEST_CASE("the source is answered only after every required output has answered") {
        World w;
        w.route({.name = "all", .to = {"store", "file"}});
        REQUIRE(w.start().has_value());
        w.send({"one", "two"});
        w.first->answer(DeliveryReport::delivered(2));
        CHECK(!w.answer.has_value());
        CHECK(w.engine.in_flight() == 1);
        w.second->answer(DeliveryReport::delivered(2));
        REQUIRE(w.answer.has_value());
        CHECK(w.answer->outcome == Outcome::kDelivered);
        CHECK(w.answer->accepted == 2);
    }

    TEST_CASE("a row that two routes send to one output reaches it once") {
        World w;
        w.route({.name = "a", .match = letter('a'), .to = {"store"}});
        w.route({.name = "b", .match = letter('b'), .to = {"store"}});
        REQUIRE(w.start().has_value());
        w.send({"ab", "a", "c", "b"});
        REQUIRE(w.first->held.size() == 1);
        CHECK(w.first->held[0].view.rows.rows == std::vector<uint32_t>{0, 1, 3});
        CHECK(w.second->held.empty());
    }

    TEST_CASE("an output that keeps positions sees a batch of which no row matched") {
        World w;
        w.first->positions = true;
        w.route({.name = "z", .match = letter('z'), .to = {"store", "file"}});
        REQUIRE(w.start().has_value());
        w.send({"one"});
        REQUIRE(w.first->held.size() == 1);
        CHECK(w.first->held[0].view.row_count() == 0);
        CHECK(w.second->held.empty());
        w.first->answer({});
        CHECK(w.answer.has_value());
        CHECK(
            w.registry.text().find(
                "seyir_pipeline_dropped_rows_total{component=\"app\",reason=\"no_route\"} 1"
            ) != std::string::npos
        );
    }

    TEST_CASE("an output that is not required never holds the source up and its losses are counted"
    ) {
        World w;
        w.route({.name = "main", .to = {"store"}});
        w.route({.name = "copy", .to = {"file"}, .required = false});
        REQUIRE(w.start().has_value());
        w.send({"one", "two"});
        w.first->answer(DeliveryReport::delivered(2));
        REQUIRE(w.answer.has_value());
        CHECK(w.answer->outcome == Outcome::kDelivered);
        w.second->answer(DeliveryReport::retry("disk full"));
        CHECK(
            w.registry.text().find(
                "seyir_pipeline_dropped_rows_total{component=\"file\",reason=\"output_failed\"} 2"
            ) != std::string::npos
        );
    }

    TEST_CASE("a rewind verdict reaches the source with its lanes") {
        World w;
        w.route({.name = "all", .to = {"store"}});
        REQUIRE(w.start().has_value());
        w.send({"one"});
        DeliveryReport report{.outcome = Outcome::kRewind};
        report.lanes.push_back({.kind = LaneVerdict::Kind::kGap, .committed = 4});
        w.first->answer(std::move(report));
        REQUIRE(w.answer.has_value());
        CHECK(w.answer->outcome == Outcome::kRewind);
        CHECK(w.answer->lanes.at(0).committed == 4);
    }

    TEST_CASE("a route to a component that does not exist is refused by name") {
        World w;
        w.route({.name = "r", .to = {"stor"}});
        const auto added = w.start();
        REQUIRE(!added.has_value());
        CHECK(added.error().message == "route `r` sends to `stor`, which is not an output");
    }

    TEST_CASE("a failed start leaves nothing running") {
        World w;
        w.second->refuse_start = true;
        const auto started = w.start();
        REQUIRE(!started.has_value());
        CHECK(started.error().message == "starting output file: no disk");
    }

    TEST_CASE("an output that keeps the completions it has called dies with the engine") {
        auto output = std::make_shared<HoldingOutput>();
        const std::weak_ptr<HoldingOutput> watched = output;
        metrics::Registry registry;
        {
            auto input = std::make_shared<HandInput>();
            Engine engine{registry};
            GraphSpec spec;
            spec.inputs.push_back({.id = "app", .input = input, .remake = {}});
            spec.outputs.push_back({.id = "store", .output = std::move(output)});
            spec.routes.push_back({.name = "all", .to = {"store"}});
            REQUIRE(engine.start(std::move(spec)));
            auto batch = std::make_shared<RecordBatch>();
            const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
            batch->append_row({.ts = {1}, .stream = stream, .body = Slice("one")});
            input->send(std::move(batch));
            const auto running = watched.lock();
            REQUIRE(running->held.size() == 1);
            running->held[0].done(DeliveryReport::delivered(1));
        }
        CHECK(watched.expired());
    }

    TEST_CASE("stopping without answers resolves every token as retry") {
        World w;
        w.route({.name = "all", .to = {"store"}});
        REQUIRE(w.start().has_value());
        w.send({"one"});
        w.engine.stop(io::system_clock().steady_now());
        CHECK(w.input->stopped);
        REQUIRE(w.answer.has_value());
        CHECK(w.answer->outcome == Outcome::kRetry);
        CHECK(w.engine.in_flight() == 0);
    }

    TEST_CASE("a loop that does not come back to its wait is named, one that waits is not") {
        class Looping final : public Input, public ReportsInput {
          public:
            Result<void> start(Submit) override { return {}; }

            void stop() override {}

            ComponentHealth health() const override { return {}; }

            InputReport report() const override {
                return {.busy_for = watch.busy_for(now), .details = ""};
            }

            LoopWatch watch;
            SteadyTime now{std::chrono::seconds(100)};
        };

        metrics::Registry registry;
        Engine engine(registry);
        const auto input = std::make_shared<Looping>();
        GraphSpec spec;
        spec.inputs.push_back({.id = "app", .input = input, .remake = {}});
        REQUIRE(engine.start(std::move(spec)));
        const Nanos limit = std::chrono::seconds(15);
        CHECK(engine.hung(input->now, limit).empty());
        input->watch.busy(input->now);
        input->now += std::chrono::seconds(14);
        CHECK(engine.hung(input->now, limit).empty());
        input->now += std::chrono::seconds(1);
        CHECK(engine.hung(input->now, limit) == std::vector<std::string>{"input app"});
        input->watch.idle();
        CHECK(engine.hung(input->now, limit).empty());
        engine.stop(input->now);
    }
}

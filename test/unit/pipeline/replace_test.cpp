// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/io/clock.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/pipeline/world.hpp"

using namespace seyir;
using namespace seyir::pipeline;
using namespace seyir::test;

namespace {

SteadyTime soon() {
    return io::system_clock().steady_now() + std::chrono::seconds(10);
}

FilterSpec marking(const std::string& mark) {
    return filter_spec("mark", [mark](BatchView view, FilterSink& sink) {
        sink.emit(editing(std::move(view), [&](Slice s) { return std::string(s) + mark; }));
        return Result<void>{};
    });
}

/// Its far side is away: it answers when it is stopped or told.
class AwayOutput final : public Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView /*view*/, DeliverDone done) override {
        held_.push_back(std::move(done));
    }

    void answer(const DeliveryReport& report) {
        for (DeliverDone& done : std::exchange(held_, {})) {
            done(report);
        }
    }

    void stop(SteadyTime) override {
        ++stops;
        answer(DeliveryReport::retry("stopping"));
    }

    ComponentHealth health() const override { return {!is_failing, "away"}; }

    bool is_failing = false;
    int stops = 0;

  private:
    std::vector<DeliverDone> held_;
};

struct World {
    metrics::Registry registry;
    std::shared_ptr<HandInput> input = std::make_shared<HandInput>();
    std::shared_ptr<KeepingOutput> store = std::make_shared<KeepingOutput>();
    Engine engine{registry, 2};

    GraphSpec spec(const std::string& mark = "") {
        GraphSpec graph;
        graph.inputs.push_back({.id = "app", .input = input, .remake = {}});
        graph.outputs.push_back({.id = "store", .output = store});
        graph.routes.push_back({.name = "all", .to = {"store"}});
        if (!mark.empty()) {
            graph.filters.push_back(marking(mark));
            graph.routes[0].through = {"mark"};
        }
        return graph;
    }
};

}  // namespace

TEST_SUITE("common/pipeline/replace") {
    TEST_CASE("components that stay are not touched, filters are new") {
        World w;
        REQUIRE(w.engine.start(w.spec("a")));
        w.input->send(batch_of({"1"}));
        REQUIRE(eventually([&] { return w.store->bodies().size() == 1; }));
        REQUIRE(w.engine.replace(w.spec("b"), soon()));
        CHECK(w.input->is_running);
        CHECK(!w.store->is_stopped);
        w.input->send(batch_of({"2"}));
        REQUIRE(eventually([&] { return w.store->bodies().size() == 2; }));
        CHECK(w.store->bodies() == std::vector<std::string>{"1a", "2b"});
        w.engine.stop(soon());
    }

    TEST_CASE("an input that is gone is stopped, and ended once it has its answers") {
        World w;
        REQUIRE(w.engine.start(w.spec()));
        GraphSpec next = w.spec();
        auto other = std::make_shared<HandInput>();
        next.inputs = {{.id = "other", .input = other, .remake = {}}};
        std::weak_ptr<HandInput> gone = w.input;
        const auto before = w.input;
        w.input.reset();
        REQUIRE(w.engine.replace(std::move(next), soon()));
        CHECK(!before->is_running);
        CHECK(other->is_running);
        w.engine.tidy();
        CHECK(w.engine.leaving() == 0);
        CHECK(gone.use_count() == 1);  // `before` alone
        w.engine.stop(soon());
    }

    TEST_CASE("when a new input does not start, the old graph goes on with its inputs made anew") {
        World w;
        GraphSpec first = w.spec("a");
        auto again = std::make_shared<HandInput>();
        first.inputs[0].remake = [again]() -> Result<std::shared_ptr<Input>> {
            return std::shared_ptr<Input>(again);
        };
        REQUIRE(w.engine.start(first));
        GraphSpec next = w.spec("b");
        auto broken = std::make_shared<HandInput>();
        broken->refuse_start = true;
        auto fresh_output = std::make_shared<KeepingOutput>();
        next.inputs = {{.id = "app", .input = broken, .remake = {}}};
        next.outputs.push_back({.id = "more", .output = fresh_output});
        const auto replaced = w.engine.replace(std::move(next), soon());
        REQUIRE(!replaced);
        CHECK(replaced.error().message == "starting input app: address in use");
        REQUIRE(again->is_running);
        again->send(batch_of({"1"}));
        REQUIRE(eventually([&] { return w.store->bodies().size() == 1; }));
        CHECK(w.store->bodies()[0] == "1a");
        w.engine.tidy();
        CHECK(fresh_output->is_stopped);
        for (const ComponentStatus& status : w.engine.status()) {
            CHECK(status.health.ok);
        }
        w.engine.stop(soon());
    }

    TEST_CASE(
        "an output that left and cannot deliver gives its rows back, and they go to the new one"
    ) {
        for (const bool is_failing : {true, false}) {
            CAPTURE(is_failing);
            World w;
            auto away = std::make_shared<AwayOutput>();
            away->is_failing = is_failing;
            GraphSpec first = w.spec();
            first.outputs[0].output = away;
            REQUIRE(w.engine.start(first));
            const auto send = [&w](const auto& again) -> void {
                auto batch = batch_of({"1"});
                batch->set_ack(AckToken([again](const DeliveryReport& report) {
                    if (report.outcome == Outcome::kRetry) {
                        again(again);
                    }
                }));
                w.input->send(std::move(batch));
            };
            send(send);
            // One that is not failing has until the deadline.
            const SteadyTime now = io::system_clock().steady_now();
            REQUIRE(w.engine.replace(w.spec(), is_failing ? soon() : now));
            CHECK(w.engine.leaving() == 1);
            const auto status = w.engine.status();
            const auto left = std::ranges::find(status, true, &ComponentStatus::is_leaving);
            REQUIRE(left != status.end());
            CHECK(left->id == "store");
            CHECK(left->kind == "output");
            CHECK(left->health.message.find("1 batches wait") != std::string::npos);
            w.engine.tidy();
            CHECK(w.store->bodies() == std::vector<std::string>{"1"});
            CHECK(w.engine.leaving() == 0);
            CHECK(std::ranges::none_of(w.engine.status(), &ComponentStatus::is_leaving));
            CHECK(away->stops == 1);
            w.engine.stop(soon());
        }
    }

    TEST_CASE("an output that left and is well has until the deadline to answer") {
        World w;
        auto away = std::make_shared<AwayOutput>();
        GraphSpec first = w.spec();
        first.outputs[0].output = away;
        REQUIRE(w.engine.start(first));
        w.input->send(batch_of({"1"}));
        REQUIRE(w.engine.replace(w.spec(), soon()));
        w.engine.tidy();
        CHECK(away->stops == 0);
        CHECK(w.engine.leaving() == 1);
        away->answer(DeliveryReport::delivered(1));
        w.engine.tidy();
        CHECK(away->stops == 1);
        CHECK(w.engine.leaving() == 0);
        w.engine.stop(soon());
    }

    TEST_CASE("a graph that cannot be built leaves everything as it is") {
        World w;
        REQUIRE(w.engine.start(w.spec("a")));
        GraphSpec next = w.spec();
        next.routes[0].to = {"stor"};
        CHECK(!w.engine.replace(std::move(next), soon()));
        w.input->send(batch_of({"1"}));
        REQUIRE(eventually([&] { return w.store->bodies().size() == 1; }));
        CHECK(w.store->bodies()[0] == "1a");
        w.engine.stop(soon());
    }

    TEST_CASE("fifty replacements under load lose and double nothing and leave nothing behind") {
        World w;
        REQUIRE(w.engine.start(w.spec("0")));
        std::atomic<bool> is_done{false};
        std::atomic<uint64_t> sent{0};
        std::atomic<uint64_t> answered{0};
        std::atomic<uint64_t> again{0};
        std::thread writer([&] {
            while (!is_done.load()) {
                const uint64_t number = sent.fetch_add(1);
                auto batch = batch_of({fmt::format("{}:", number)});
                batch->set_ack(AckToken([&](const DeliveryReport& report) {
                    again += report.outcome == Outcome::kDelivered ? 0 : 1;
                    answered.fetch_add(1);
                }));
                w.input->send(std::move(batch));
                while (sent.load() - answered.load() > 100) {
                    std::this_thread::yield();
                }
            }
        });
        constexpr int kReplacements = 50;
        for (int i = 1; i <= kReplacements; ++i) {
            const uint64_t before = answered.load();
            REQUIRE(w.engine.replace(w.spec(fmt::format("{}", i)), soon()));
            w.engine.tidy();
            REQUIRE(eventually([&] { return answered.load() > before; }));
        }
        is_done = true;
        writer.join();
        w.engine.stop(soon());
        CHECK(answered.load() == sent.load());
        CHECK(again.load() == 0);
        std::map<std::string, int> seen;
        for (const std::string& body : w.store->bodies()) {
            ++seen[body.substr(0, body.find(':'))];
        }
        CHECK(seen.size() == sent.load());
        CHECK(w.store->bodies().size() == sent.load());
        CHECK(w.engine.leaving() == 0);
    }
}

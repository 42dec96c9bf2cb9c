// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "test/support/metric_batch.hpp"
#include "test/unit/pipeline/world.hpp"

using namespace seyir;
using namespace seyir::pipeline;
using namespace seyir::test;

namespace {

class MetricsOutput final : public Output {
  public:
    explicit MetricsOutput(bool takes) : takes_(takes) {}

    Result<void> start() override { return {}; }

    void deliver(BatchView view, DeliverDone done) override {
        views.push_back(view);
        done(answer.value_or(DeliveryReport::delivered(static_cast<uint32_t>(view.row_count()))));
    }

    void stop(SteadyTime) override {}

    ComponentHealth health() const override { return {}; }

    bool keeps_positions() const override { return takes_; }

    bool takes_metrics() const override { return takes_; }

    std::vector<BatchView> views;
    std::optional<DeliveryReport> answer;

  private:
    const bool takes_;
};

struct MetricsWorld {
    metrics::Registry registry;
    Engine engine{registry};
    GraphSpec spec;
    std::shared_ptr<HandInput> input = std::make_shared<HandInput>();
    std::shared_ptr<MetricsOutput> store = std::make_shared<MetricsOutput>(true);
    std::shared_ptr<MetricsOutput> file = std::make_shared<MetricsOutput>(false);
    std::optional<DeliveryReport> answer;

    MetricsWorld() {
        spec.inputs.push_back({.id = "in", .input = input, .remake = {}});
        spec.outputs.push_back({.id = "store", .output = store});
        spec.outputs.push_back({.id = "file", .output = file});
    }

    ~MetricsWorld() { engine.stop(io::system_clock().steady_now()); }

    void send() {
        auto batch = MetricFrame{.ts = {1}}.build();
        batch->set_ack(AckToken([this](const DeliveryReport& report) { answer = report; }));
        input->send(std::move(batch));
    }
};

RowMatch nothing() {
    return [](const BatchView&) { return Selection::of({}); };
}

}  // namespace

TEST_SUITE("common/pipeline/metrics") {
    TEST_CASE("samples go past match to the outputs that take them, once, and to no other") {
        MetricsWorld w;
        w.spec.routes.push_back({.name = "a", .match = nothing(), .to = {"store", "file"}});
        w.spec.routes.push_back({.name = "b", .to = {"store", "file"}});
        REQUIRE(w.engine.start(w.spec));
        w.send();
        REQUIRE(w.store->views.size() == 1);
        CHECK(w.store->views[0].row_count() == 1);
        CHECK(w.file->views.empty());
        REQUIRE(w.answer);
        CHECK(w.answer->outcome == Outcome::kDelivered);
    }

    TEST_CASE("samples the output refuses are counted and make no dead letters") {
        MetricsWorld w;
        w.store->answer = DeliveryReport{
            .outcome = Outcome::kRejected, .dropped = 1, .reason = "too_old", .message = "old"
        };
        w.spec.routes.push_back({.name = "a", .to = {"store"}, .dead_letter = "file"});
        REQUIRE(w.engine.start(w.spec));
        w.send();
        CHECK(w.file->views.empty());
        CHECK(w.registry.text().find("reason=\"too_old\"} 1") != std::string::npos);
    }

    TEST_CASE("a filter that would drop every record does not see samples") {
        MetricsWorld w;
        w.spec.filters.push_back(filter_spec("drop", [](BatchView, FilterSink&) {
            return Result<void>(fail(ErrorCode::kInternal, "it saw samples"));
        }));
        w.spec.routes.push_back({.name = "a", .through = {"drop"}, .to = {"store"}});
        REQUIRE(w.engine.start(w.spec));
        w.send();
        w.engine.stop(io::system_clock().steady_now() + std::chrono::seconds(10));
        REQUIRE(w.store->views.size() == 1);
        CHECK(w.store->views[0].row_count() == 1);
    }
}

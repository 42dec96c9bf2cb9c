// SPDX-License-Identifier: Apache-2.0
#include "common/component/build_graph.hpp"

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "common/pipeline/engine.hpp"

using namespace seyir;
using namespace seyir::component;

namespace {

/// What a program tells its inputs of their graph: here, which graph it is.
struct Services final : ProgramServices {
    std::string graph;
};

class FakeInput final : public pipeline::Input {
  public:
    explicit FakeInput(std::string graph, bool refuses)
        : graph(std::move(graph)), refuses_(refuses) {}

    Result<void> start(pipeline::Submit) override {
        return refuses_ ? fail(ErrorCode::kRefused, "address in use") : Result<void>{};
    }

    void stop() override {}

    pipeline::ComponentHealth health() const override { return {}; }

    const std::string graph;

  private:
    bool refuses_;
};

struct FakeInputPlan final : InputPlan {
    Result<std::unique_ptr<pipeline::Input>> instantiate(const InputContext& context) override {
        const auto& services = dynamic_cast<const Services&>(context.program);
        return std::make_unique<FakeInput>(services.graph, refuses);
    }

    bool has_positions() const override { return true; }

    bool refuses = false;
};

class FakeOutput final : public pipeline::Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView, pipeline::DeliverDone done) override { done({}); }

    void stop(SteadyTime) override {}

    pipeline::ComponentHealth health() const override { return {}; }
};

struct FakeOutputPlan final : OutputPlan {
    Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext&) override {
        return std::make_unique<FakeOutput>();
    }
};

PipelineConfig config_of(const std::string& version, bool input_refuses) {
    PipelineConfig config;
    auto input = std::make_shared<FakeInputPlan>();
    input->refuses = input_refuses;
    config.inputs.push_back({"app", "fake", version, std::move(input)});
    PlannedOutput output;
    output.id = "far";
    output.type = "fake";
    output.fingerprint = version;
    output.plan = std::make_shared<FakeOutputPlan>();
    config.outputs.push_back(std::move(output));
    PlannedRoute route;
    route.options.name = "all";
    route.options.from = {"app"};
    route.options.to = {"far"};
    config.routes.push_back(std::move(route));
    return config;
}

struct World {
    metrics::Registry registry;
    Services services;

    Result<RunningGraph> build(
        const std::string& name, const PipelineConfig& config, const RunningGraph* before
    ) {
        return build_graph(
            {.config = config,
             .run =
                 {.id = "",
                  .registry = registry,
                  .clock = io::system_clock(),
                  .files = io::posix_file_system(),
                  .state_dir = "/nonexistent",
                  .host_name = "h",
                  .program = &services},
             .wrap = {},
             .before = before,
             .dead_letter = "",
             .on_outputs =
                 [this, name](const RunningGraph& graph, const PipelineConfig&) {
                     CHECK(graph.outputs.contains("far"));
                     CHECK(graph.inputs.empty());
                     return [this, name](const std::string& input) {
                         CHECK(input == "app");
                         services.graph = name;
                     };
                 }}
        );
    }
};

}  // namespace

TEST_SUITE("common/component/build_graph") {
    TEST_CASE("an input made anew because a later graph failed gets what belongs to its own graph"
    ) {
        World w;
        const PipelineConfig first = config_of("1", false);
        auto running = w.build("first", first, nullptr);
        REQUIRE(running);
        pipeline::Engine engine(w.registry);
        REQUIRE(engine.start(running->spec));
        const PipelineConfig second = config_of("2", true);
        auto next = w.build("second", second, &*running);
        REQUIRE(next);
        const SteadyTime soon = io::system_clock().steady_now() + std::chrono::seconds(10);
        REQUIRE(!engine.replace(next->spec, soon));
        const auto input = std::dynamic_pointer_cast<FakeInput>(engine.input("app"));
        REQUIRE(input != nullptr);
        CHECK(input != running->inputs.at("app").component);
        CHECK(input->graph == "first");
        engine.stop(soon);
    }

    TEST_CASE("components that did not change are taken over") {
        World w;
        const PipelineConfig same = config_of("1", false);
        auto running = w.build("first", same, nullptr);
        REQUIRE(running);
        auto next = w.build("second", same, &*running);
        REQUIRE(next);
        CHECK(next->inputs.at("app").component == running->inputs.at("app").component);
        CHECK(next->outputs.at("far").component == running->outputs.at("far").component);
        CHECK(compare(*running, same).empty());
        CHECK(compare(*running, config_of("2", false)).size() == 2);
    }

    TEST_CASE("an input nobody changed is never named as changed") {
        World w;
        const PipelineConfig first = config_of("1", false);
        auto running = w.build("first", first, nullptr);
        REQUIRE(running);
        for (const auto& [change, why] :
             std::vector<std::pair<std::function<void(PipelineConfig&)>, std::string>>{
                 {[](PipelineConfig& c) { c.outputs[0].fingerprint = "2"; },
                  "its output far changed"},
                 {[](PipelineConfig& c) {
                      c.outputs.push_back(c.outputs[0]);
                      c.outputs[1].id = "copy";
                      c.routes[0].options.to.emplace_back("copy");
                  },
                  "its output copy was added"},
                 {[](PipelineConfig& c) { c.routes[0].options.to = {}; },
                  "its output far was removed"},
             }) {
            PipelineConfig next = first;
            change(next);
            const auto differences = compare(*running, next);
            REQUIRE(!differences.empty());
            CHECK(differences[0].section == "inputs");
            CHECK(differences[0].kind == Difference::Kind::kRestarted);
            CHECK(differences[0].detail == why);
            auto made = w.build("next", next, &*running);
            REQUIRE(made);
            CHECK(made->inputs.at("app").component != running->inputs.at("app").component);
        }
        PipelineConfig changed = first;
        changed.inputs[0].fingerprint = "2";
        const auto differences = compare(*running, changed);
        REQUIRE(differences.size() == 1);
        CHECK(differences[0].kind == Difference::Kind::kChanged);
    }
}

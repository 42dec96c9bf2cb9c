// SPDX-License-Identifier: Apache-2.0
#include "common/service/loss_watch.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "common/io/faulty_file_system.hpp"

using namespace seyir;
using namespace seyir::service;
using namespace std::chrono_literals;
using Verdict = ContactJudge::Verdict;

namespace {

class ConnectedOutput final : public pipeline::Output, public pipeline::ReportsContact {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView, pipeline::DeliverDone done) override { done({}); }

    void stop(SteadyTime) override {}

    pipeline::ComponentHealth health() const override { return {}; }

    std::optional<pipeline::Contact> contact() const override { return now; }

    pipeline::Contact now;
};

struct NoticePlan final : component::OutputPlan, component::TellsLoss {
    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext&) override {
        return std::make_unique<ConnectedOutput>();
    }

    const component::LossNotice* loss_notice() const override { return &notice; }

    component::LossNotice notice{5min, {{"mail", {}}, {"hook", {}}}};
};

struct LaggingInput final : pipeline::Input, pipeline::ReportsInput {
    Result<void> start(pipeline::Submit) override { return {}; }

    void stop() override {}

    pipeline::ComponentHealth health() const override { return {}; }

    pipeline::InputReport report() const override { return {.lag_bytes = 3 << 20}; }
};

/// An agent's graph with one collector output, and everything that was told.
struct Scene {
    struct Told {
        std::string to, text, state;
    };

    Scene() {
        REQUIRE(files.make_directories("/state"));
        graph.outputs["central"] = {"collector", "", plan, output};
        graph.inputs["app"] = {"tail", "", nullptr, std::make_shared<LaggingInput>()};
        output->now.endpoints = "logs1:7410, logs2:7410";
        output->now.problem = "connection refused";
        start();
    }

    /// As a restarted program does.
    void start() {
        watch = std::make_unique<LossWatch>(
            LossWatch::Setup{
                .file = "/state/collector_lost",
                .host_name = "web1",
                .send =
                    [this](const std::string& to, const BatchView& rows) {
                        const auto attributes = rows.batch->attrs(0);
                        std::string state;
                        for (const Attr& attr : attributes) {
                            if (rows.batch->keys()[attr.key] == "alert.state") {
                                state = attr.value.as_text();
                            }
                        }
                        if (is_deaf) {
                            return false;
                        }
                        told.push_back({to, std::string(rows.batch->body(0)), state});
                        return true;
                    }
            },
            files,
            clock,
            registry
        );
    }

    void look_for(Nanos time) {
        for (Nanos passed{0}; passed < time; passed += 1s) {
            clock.advance(1s);
            watch->look(graph);
        }
    }

    void connect() { output->now.connected_since = clock.steady_now(); }

    void disconnect() { output->now.connected_since.reset(); }

    std::vector<Told> take() { return std::exchange(told, {}); }

    io::FaultyFileSystem files{1};
    io::ManualClock clock;
    metrics::Registry registry;
    std::shared_ptr<NoticePlan> plan = std::make_shared<NoticePlan>();
    std::shared_ptr<ConnectedOutput> output = std::make_shared<ConnectedOutput>();
    component::RunningGraph graph;
    std::unique_ptr<LossWatch> watch;
    std::vector<Told> told;
    bool is_deaf = false;  ///< no output takes anything
};

}  // namespace

TEST_SUITE("service/loss_watch") {
    TEST_CASE("a collector that was never reached is told once, with what waits, to each output") {
        Scene scene;
        scene.output->now.waiting_rows = 1204;
        scene.output->now.waiting_bytes = 1 << 20;
        scene.look_for(5min);
        CHECK(scene.take().empty());
        scene.look_for(1h);
        const auto told = scene.take();
        REQUIRE(told.size() == 2);
        CHECK(told[0].to == "mail");
        CHECK(told[1].to == "hook");
        CHECK(told[0].state == "firing");
        CHECK(
            told[0].text ==
            "web1: output central has reached no collector (logs1:7410, "
            "logs2:7410) for 5m: connection refused; 3 MiB of its inputs are not "
            "acknowledged, 1204 records (1 MiB) wait in its buffer"
        );
        CHECK(
            scene.registry.text().find("seyir_collector_lost{output=\"central\"} 1") !=
            std::string::npos
        );
    }

    TEST_CASE("a collector that is back is told once, when the connection lasts") {
        Scene scene;
        scene.look_for(6min);
        scene.take();
        scene.connect();
        scene.look_for(9s);
        CHECK(scene.take().empty());
        scene.look_for(10min);
        const auto told = scene.take();
        REQUIRE(told.size() == 2);
        CHECK(told[0].state == "resolved");
        CHECK(
            told[0].text.find("has a collector again (logs1:7410, logs2:7410) after 6m9s") !=
            std::string::npos
        );
        CHECK(
            scene.registry.text().find("seyir_collector_lost{output=\"central\"} 0") !=
            std::string::npos
        );
    }

    TEST_CASE("an acknowledgement proves a connection that is new") {
        Scene scene;
        scene.look_for(6min);
        scene.take();
        scene.connect();
        scene.clock.advance(1ms);
        scene.output->now.stored_at = scene.clock.steady_now();
        scene.look_for(1s);
        CHECK(scene.take().size() == 2);
    }

    TEST_CASE("short interruptions are not told, however many") {
        Scene scene;
        for (int i = 0; i < 20; ++i) {
            scene.connect();
            scene.look_for(30s);
            scene.output->now.lasted_until = scene.clock.steady_now();
            scene.disconnect();
            scene.look_for(4min);
        }
        CHECK(scene.take().empty());
    }

    TEST_CASE("a connection that flaps is lost, and stays lost, until it lasts") {
        Scene scene;
        for (int i = 0; i < 60; ++i) {
            scene.connect();
            scene.look_for(5s);
            scene.disconnect();
            scene.look_for(10s);
        }
        const auto told = scene.take();
        REQUIRE(told.size() == 2);
        CHECK(told[0].state == "firing");
        scene.connect();
        scene.look_for(30s);
        CHECK(scene.take().at(0).state == "resolved");
    }

    TEST_CASE("one that comes back at the last moment is waited for") {
        Scene scene;
        scene.look_for(4min + 55s);
        scene.connect();
        scene.look_for(1h);
        CHECK(scene.take().empty());
    }

    TEST_CASE("one that takes records and never answers is lost, until it does") {
        Scene scene;
        scene.connect();
        scene.look_for(1min);
        scene.output->now.under_way_bytes = 100;
        scene.look_for(4min);
        CHECK(scene.take().empty());
        scene.look_for(2min);
        CHECK(scene.take().size() == 2);
        scene.output->now.stored_at = scene.clock.steady_now();
        scene.look_for(1s);
        CHECK(scene.take().size() == 2);
    }

    TEST_CASE(
        "a notice that no output took is tried again, and one of a loss nobody heard of is not"
    ) {
        Scene scene;
        scene.is_deaf = true;
        scene.look_for(6min);
        scene.is_deaf = false;
        scene.start();
        scene.look_for(4min);
        CHECK(scene.take().empty());
        scene.is_deaf = true;
        scene.look_for(2min);
        scene.is_deaf = false;
        scene.look_for(2min);
        CHECK(scene.take().size() == 2);
        scene.start();
        scene.look_for(6min);
        CHECK(scene.take().empty());

        Scene unheard;
        unheard.is_deaf = true;
        unheard.look_for(6min);
        unheard.is_deaf = false;
        unheard.connect();
        unheard.look_for(20s);
        CHECK(unheard.take().empty());
    }

    TEST_CASE("a restart neither tells a loss again nor forgets to say that it is over") {
        Scene scene;
        scene.look_for(6min);
        CHECK(scene.take().size() == 2);
        scene.start();
        scene.look_for(1h);
        CHECK(scene.take().empty());
        scene.connect();
        scene.look_for(20s);
        const auto told = scene.take();
        REQUIRE(told.size() == 2);
        CHECK(told[0].text.find("after 1h6m9s") != std::string::npos);
        scene.start();
        scene.look_for(1min);
        CHECK(scene.take().empty());
    }

    TEST_CASE("a time of day that is set back changes nothing") {
        Scene scene;
        scene.look_for(4min);
        scene.clock.set_wall({1'000'000'000});
        scene.look_for(50s);
        CHECK(scene.take().empty());
        scene.look_for(1min);
        CHECK(scene.take().size() == 2);
    }

    TEST_CASE("an output that a reload removes is forgotten") {
        Scene scene;
        scene.look_for(6min);
        scene.take();
        const component::RunningGraph without;
        scene.watch->look(without);
        scene.start();
        scene.connect();
        scene.look_for(1min);
        CHECK(scene.take().empty());
        CHECK(
            scene.registry.text().find("seyir_collector_lost{output=\"central\"} 0") !=
            std::string::npos
        );
    }

    TEST_CASE("a file that cannot be read or written costs nothing but its memory") {
        Scene scene;
        scene.files.plan_fault(1, io::Fault::kNoSpace);
        scene.look_for(6min);
        CHECK(scene.take().size() == 2);
        for (const char* text : {"", "\n\n", "central", "central x\n", "central 12x", " 7\n"}) {
            CAPTURE(text);
            REQUIRE(io::write_file_atomically(scene.files, "/state/collector_lost", text));
            scene.start();
            scene.look_for(6min);
            CHECK(scene.take().size() == 2);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <deque>
#include <optional>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/io/clock.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/pipeline/world.hpp"

using namespace seyir;
using namespace seyir::pipeline;
using namespace seyir::test;

namespace {

/// Sum of the samples of `name` whose labels contain `labels`, in a text that was taken at once.
int64_t sample(const std::string& text, const std::string& name, const std::string& labels) {
    int64_t sum = 0;
    for (size_t at = text.find("\n" + name + "{"); at != std::string::npos;
         at = text.find("\n" + name + "{", at + 1)) {
        const size_t end = text.find('\n', at + 1);
        const std::string line = text.substr(at + 1, end - at - 1);
        if (line.find(labels) != std::string::npos) {
            sum += std::stoll(line.substr(line.rfind(' ') + 1));
        }
    }
    return sum;
}

bool balances(const std::string& text, const std::string& filter) {
    const std::string c = "component=\"" + filter + "\"";
    const auto of = [&](const char* what) {
        return sample(text, std::string("seyir_pipeline_filter_") + what, c);
    };
    return of("in_rows_total") + of("created_rows_total") ==
           of("out_rows_total") + of("failed_rows_total") + of("held_rows") +
               sample(text, "seyir_pipeline_dropped_rows_total", c);
}

struct World {
    std::optional<DeliveryReport> answer;
    std::mutex mutex;
    metrics::Registry registry;
    GraphSpec spec;
    std::shared_ptr<HandInput> input = std::make_shared<HandInput>();
    std::shared_ptr<KeepingOutput> store = std::make_shared<KeepingOutput>();
    std::shared_ptr<KeepingOutput> dead = std::make_shared<KeepingOutput>();
    Engine engine{registry, 2};

    World() {
        spec.inputs.push_back({.id = "app", .input = input, .remake = {}});
        spec.outputs.push_back({.id = "store", .output = store});
        spec.outputs.push_back({.id = "dead", .output = dead});
        spec.routes.push_back({.name = "all", .to = {"store"}, .dead_letter = "dead"});
    }

    void through(FilterSpec filter) {
        spec.routes[0].through.push_back(filter.id);
        spec.filters.push_back(std::move(filter));
    }

    void start() { REQUIRE(engine.start(spec)); }

    void send(const std::vector<std::string>& bodies) {
        auto batch = batch_of(bodies);
        batch->set_ack(AckToken([this](const DeliveryReport& report) {
            const std::lock_guard lock(mutex);
            answer = report;
        }));
        input->send(std::move(batch));
    }

    bool is_answered() {
        const std::lock_guard lock(mutex);
        return answer.has_value();
    }

    std::string text() { return registry.text(); }
};

using Bodies = std::vector<std::string>;

constexpr std::array kRandomFilters = {"one", "two", "three"};

struct RandomState {
    std::mt19937 random;
    std::deque<std::pair<BatchView, HeldRows>> held;
};

Result<void> do_anything(RandomState& state, BatchView view, FilterSink& sink) {
    const auto rows = static_cast<uint32_t>(view.row_count());
    switch (state.random() % 9) {
        case 0:
            sink.drop("chance", rows);
            return {};
        case 1:
            sink.fail(std::move(view), "chance", "");
            return {};
        case 2: {
            auto held = sink.hold(rows);
            state.held.emplace_back(std::move(view), std::move(held));
            return {};
        }
        case 3:
            sink.emit(view);
            sink.emit(std::move(view));
            return {};
        case 4:
            return fail(ErrorCode::kInternal, "chance");
        case 5:
            return {};  // forgets them
        case 6:
        case 7:
            // Fails when held rows have left it in the same call.
            for (auto& [held_view, held] : std::exchange(state.held, {})) {
                if (state.random() % 2 == 0) {
                    sink.emit_held(std::move(held_view), std::move(held));
                } else {
                    sink.drop_held("old", std::move(held));
                }
            }
            return fail(ErrorCode::kInternal, "chance");
        default:
            sink.emit(std::move(view));
            return {};
    }
}

Result<std::unique_ptr<Filter>> random_filter(uint32_t seed) {
    auto state = std::make_shared<RandomState>();
    state->random.seed(seed);
    const auto process = [state](BatchView view, FilterSink& sink) {
        return do_anything(*state, std::move(view), sink);
    };
    const auto flush = [state](FlushReason, FilterSink& sink) -> Result<void> {
        while (!state->held.empty()) {
            auto [view, held] = std::move(state->held.front());
            state->held.pop_front();
            switch (state->random() % 5) {
                case 0:
                    sink.drop_held("old", std::move(held));
                    break;
                case 1:
                    // Let go of: the source sends them again.
                    sink.drop_held("let_go", {.rows = held.rows, .token = {}});
                    break;
                case 2:
                    sink.emit_held(std::move(view), std::move(held));
                    return fail(ErrorCode::kInternal, "chance");
                default:
                    sink.emit_held(std::move(view), std::move(held));
            }
        }
        return {};
    };
    return std::unique_ptr<Filter>(std::make_unique<LambdaFilter>(process, flush));
}

}  // namespace

TEST_SUITE("common/pipeline/filters") {
    TEST_CASE("rows pass through the filters of a route in order") {
        World w;
        for (const char* letter : {"a", "b"}) {
            w.through(filter_spec(letter, [letter](BatchView view, FilterSink& sink) {
                sink.emit(editing(std::move(view), [&](Slice s) { return std::string(s) + letter; })
                );
                return Result<void>{};
            }));
        }
        w.start();
        w.send({"1", "2"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.store->bodies() == Bodies{"1ab", "2ab"});
        CHECK(w.answer->outcome == Outcome::kDelivered);
    }

    TEST_CASE("rows a filter drops are counted with its reason and do not hold the source up") {
        World w;
        w.through(filter_spec("noise", [](BatchView view, FilterSink& sink) {
            sink.drop("noise", static_cast<uint32_t>(view.row_count()));
            return Result<void>{};
        }));
        w.start();
        w.send({"1", "2", "3"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.answer->outcome == Outcome::kDelivered);
        CHECK(sample(w.text(), "seyir_pipeline_dropped_rows_total", "reason=\"noise\"") == 3);
        CHECK(balances(w.text(), "noise"));
    }

    TEST_CASE(
        "a filter that fails or throws leaves nothing half done and its rows go to the dead "
        "letter output with the reason"
    ) {
        for (const bool throws : {false, true}) {
            CAPTURE(throws);
            World w;
            w.through(filter_spec(
                "bad",
                [throws](BatchView view, FilterSink& sink) -> Result<void> {
                    sink.emit(editing(view, [](Slice) { return std::string("half"); }));
                    if (throws) {
                        throw std::runtime_error("lost my way");
                    }
                    return fail(ErrorCode::kInvalidArgument, "lost my way");
                }
            ));
            w.start();
            w.send({"1", "2"});
            REQUIRE(eventually([&] { return w.is_answered(); }));
            CHECK(w.store->bodies().empty());
            REQUIRE(w.dead->bodies() == Bodies{"1", "2"});
            const BatchView dead = w.dead->views()[0];
            CHECK(dead.batch->positions().empty());
            const auto key = dead.batch->find_key("dead_letter.message");
            REQUIRE(key);
            CHECK(
                dead.batch->find_attr(0, *key)->to_text().find("lost my way") != std::string::npos
            );
            CHECK(w.engine.status()[1].health.ok == false);
            CHECK(balances(w.text(), "bad"));
        }
    }

    TEST_CASE("failed rows of a sensitive filter reach the dead letter without body or attributes"
    ) {
        World w;
        auto spec = filter_spec("redact", [](BatchView view, FilterSink& sink) {
            sink.fail(std::move(view), "regex", "pan 4111");
            return Result<void>{};
        });
        spec.is_sensitive = true;
        w.through(std::move(spec));
        w.start();
        w.send({"pan 4111"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.store->bodies().empty());
        REQUIRE(w.dead->bodies() == Bodies{""});
        const BatchView dead = w.dead->views()[0];
        for (const Attr& attr : dead.batch->attrs(0)) {
            CHECK(attr.value.to_text().find("4111") == std::string::npos);
        }
    }

    TEST_CASE("a source is answered for held rows only when they have left the filter") {
        World w;

        struct Shared {
            std::mutex mutex;
            std::deque<std::pair<BatchView, HeldRows>> held;
            bool let_go = false;
        };

        auto shared = std::make_shared<Shared>();
        auto spec = filter_spec(
            "join",
            [shared](BatchView view, FilterSink& sink) {
                const std::lock_guard lock(shared->mutex);
                auto held = sink.hold(static_cast<uint32_t>(view.row_count()));
                shared->held.emplace_back(std::move(view), std::move(held));
                return Result<void>{};
            },
            [shared](FlushReason reason, FilterSink& sink) {
                const std::lock_guard lock(shared->mutex);
                while ((shared->let_go || reason != FlushReason::kTimer) && !shared->held.empty()) {
                    sink.emit_held(
                        std::move(shared->held.front().first),
                        std::move(shared->held.front().second)
                    );
                    shared->held.pop_front();
                }
                return Result<void>{};
            }
        );
        spec.wants_timer = true;
        w.through(std::move(spec));
        w.start();
        w.send({"1", "2"});
        REQUIRE(eventually([&] {
            return sample(w.text(), "seyir_pipeline_filter_held_rows", "join") == 2;
        }));
        CHECK(!w.is_answered());
        CHECK(balances(w.text(), "join"));
        {
            const std::lock_guard lock(shared->mutex);
            shared->let_go = true;
        }
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.store->bodies() == Bodies{"1", "2"});
        CHECK(balances(w.text(), "join"));
    }

    TEST_CASE("what a flush gave before its Error goes on, and the rest is sent again") {
        World w;

        struct Shared {
            std::mutex mutex;
            std::vector<std::pair<BatchView, HeldRows>> held;
        };

        const auto shared = std::make_shared<Shared>();
        auto spec = filter_spec(
            "join",
            [shared](BatchView view, FilterSink& sink) {
                const std::lock_guard lock(shared->mutex);
                auto held = sink.hold(static_cast<uint32_t>(view.row_count()));
                shared->held.emplace_back(std::move(view), std::move(held));
                return Result<void>{};
            },
            [shared](FlushReason, FilterSink& sink) -> Result<void> {
                const std::lock_guard lock(shared->mutex);
                if (shared->held.empty()) {
                    return {};
                }
                auto& [view, held] = shared->held.front();
                sink.emit_held(std::move(view), std::move(held));
                shared->held.clear();
                return fail(ErrorCode::kInternal, "lost the rest");
            }
        );
        w.through(std::move(spec));
        w.start();
        std::atomic<int> delivered{0};
        std::atomic<int> again{0};
        for (const char* body : {"1", "2"}) {
            auto batch = batch_of({body}, false);
            batch->set_ack(AckToken([&](const DeliveryReport& report) {
                ++(report.outcome == Outcome::kDelivered ? delivered : again);
            }));
            w.input->send(std::move(batch));
        }
        REQUIRE(eventually([&] {
            return sample(w.text(), "seyir_pipeline_filter_held_rows", "join") == 2;
        }));
        w.engine.stop(io::system_clock().steady_now() + std::chrono::seconds(10));
        CHECK(w.store->bodies() == Bodies{"1"});
        CHECK(delivered.load() == 1);
        CHECK(again.load() == 1);
        const std::string end = w.text();
        CHECK(balances(end, "join"));
        CHECK(sample(end, "seyir_pipeline_filter_out_rows_total", "join") == 1);
        CHECK(sample(end, "seyir_pipeline_dropped_rows_total", "reason=\"sent_again\"") == 1);
        CHECK(sample(end, "seyir_pipeline_filter_held_rows", "join") == 0);
    }

    TEST_CASE("events go to the filter's own outputs and never wait for them") {
        World w;
        auto spec = filter_spec("watch", [](BatchView view, FilterSink& sink) {
            sink.emit_event({batch_of({"too many"}, false), {}});
            sink.emit(std::move(view));
            return Result<void>{};
        });
        spec.event_outputs = {"dead"};
        w.through(std::move(spec));
        w.dead->answer = [](const BatchView&) { return DeliveryReport::retry("no mail today"); };
        w.start();
        w.send({"1"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.answer->outcome == Outcome::kDelivered);
        CHECK(w.dead->bodies() == Bodies{"too many"});
        CHECK(sample(w.text(), "seyir_pipeline_dropped_rows_total", "component=\"dead\"") == 1);
    }

    TEST_CASE("rows an output refuses for ever go to the dead letter output") {
        World w;
        w.store->answer = [](const BatchView&) {
            return DeliveryReport{
                .outcome = Outcome::kRejected,
                .accepted = 1,
                .dropped = 1,
                .reason = "too_long",
                .message = "line too long",
                .rejected_rows = {1}
            };
        };
        w.start();
        w.send({"1", "22222"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        CHECK(w.dead->bodies() == Bodies{"22222"});
    }

    TEST_CASE("an output that keeps positions gets what two routes made of a batch in one delivery"
    ) {
        World w;
        w.store->positions = true;
        w.through(filter_spec("mark", [](BatchView view, FilterSink& sink) {
            sink.emit(editing(std::move(view), [](Slice s) { return std::string(s) + "!"; }));
            return Result<void>{};
        }));
        w.spec.routes.push_back({.name = "plain", .to = {"store"}});
        w.start();
        w.send({"1", "2"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        REQUIRE(w.store->views().size() == 1);
        CHECK(w.store->views()[0].batch->positions().size() == 1);
        CHECK(w.store->bodies() == Bodies{"1!", "2!", "1", "2"});
    }

    TEST_CASE("positions reach the output that keeps them when a filter drops every row") {
        World w;
        w.store->positions = true;
        w.through(filter_spec("none", [](BatchView view, FilterSink& sink) {
            sink.drop("all", static_cast<uint32_t>(view.row_count()));
            return Result<void>{};
        }));
        w.start();
        w.send({"1"});
        REQUIRE(eventually([&] { return w.is_answered(); }));
        REQUIRE(w.store->views().size() == 1);
        CHECK(w.store->views()[0].row_count() == 0);
        CHECK(w.store->views()[0].batch->positions().size() == 1);
    }

    TEST_CASE(
        "in + created = out + dropped + failed + held at every moment, for filters that do "
        "anything"
    ) {
        const uint32_t seed = std::random_device{}();
        CAPTURE(seed);
        World w;
        std::atomic<uint32_t> instance{0};
        for (const char* id : kRandomFilters) {
            FilterSpec spec;
            spec.id = id;
            spec.wants_timer = true;
            spec.make = [&instance, seed] { return random_filter(seed + instance.fetch_add(1)); };
            w.through(std::move(spec));
        }
        std::atomic<uint64_t> answered{0};
        w.start();
        constexpr uint64_t kBatches = 400;
        for (uint64_t i = 0; i < kBatches; ++i) {
            auto batch = batch_of({"a", "b", "c"}, false);
            batch->set_ack(AckToken([&](const DeliveryReport&) { answered.fetch_add(1); }));
            w.input->send(std::move(batch));
            if (i % 20 == 0) {
                const std::string now = w.text();
                for (const char* id : kRandomFilters) {
                    REQUIRE(balances(now, id));
                }
            }
        }
        w.engine.stop(io::system_clock().steady_now() + std::chrono::seconds(10));
        CHECK(answered.load() == kBatches);
        const std::string end = w.text();
        for (const char* id : kRandomFilters) {
            CHECK(balances(end, id));
            CHECK(sample(end, "seyir_pipeline_filter_held_rows", id) == 0);
        }
    }
}

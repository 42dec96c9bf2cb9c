// SPDX-License-Identifier: Apache-2.0
#include "ctl/pipeline/test_run.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "common/component/build_graph.hpp"
#include "common/io/file_system.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/pipeline/run_batch.hpp"
#include "common/record/record_json.hpp"
#include "ctl/pipeline/test_records.hpp"

namespace seyir::ctl {
namespace {

constexpr const char* kFeed = "the feed";
constexpr const char* kDeadLetter = "dead_letter";
constexpr size_t kShownRecordsMax = 5;

class FeedInput final : public pipeline::Input {
  public:
    Result<void> start(pipeline::Submit) override { return {}; }

    void stop() override {}

    pipeline::ComponentHealth health() const override { return {}; }
};

class TakingOutput final : public pipeline::Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        done(DeliveryReport::delivered(static_cast<uint32_t>(view.row_count())));
    }

    void stop(SteadyTime) override {}

    pipeline::ComponentHealth health() const override { return {}; }
};

std::string json_of(const BatchView& view, uint32_t row) {
    std::string text;
    append_record_json(text, *view.batch, row);
    return text;
}

}  // namespace

/// Remembers what each component gave: filters by their emissions, outputs by what they got.
class TestRun::Recorder final : public pipeline::Tap {
  public:
    bool wants(std::string_view, pipeline::TapSide) const noexcept override { return true; }

    void rows(
        std::string_view component, pipeline::TapSide side, const BatchView& view, std::string_view
    ) override {
        auto& of = side == pipeline::TapSide::kIn ? in : out;
        if (side != pipeline::TapSide::kFailed) {
            of[std::string(component)].push_back(view);
        }
    }

    std::map<std::string, std::vector<BatchView>> in;
    std::map<std::string, std::vector<BatchView>> out;
};

TestRun::TestRun(const component::PipelineConfig& pipeline, std::string state_dir)
    : pipeline_(pipeline), state_dir_(std::move(state_dir)) {}

Result<TestResult> TestRun::run(const config::TestOptions& test) {
    metrics::Registry registry;
    io::ManualClock clock;
    pipeline::GraphSpec spec;
    const component::RunContext context{
        .id = "",
        .registry = registry,
        .clock = clock,
        .files = io::posix_file_system(),
        .state_dir = state_dir_,
        .host_name = "test",
    };
    add_components(context, spec);
    add_routes(test, spec);
    SEYIR_TRY(auto topology, pipeline::build_topology(std::move(spec), 1, registry, nullptr));
    SEYIR_TRY(const std::shared_ptr<RecordBatch> batch, test_batch(test.feed));
    auto delivery = std::make_shared<pipeline::Delivery>();
    const auto recorder = std::make_shared<Recorder>();
    delivery->set_tap(recorder);
    pipeline::BatchRun run(*topology, (*topology->chains)[0], *delivery);
    run.run(0, batch, AckToken{});
    if (test.advance > Nanos(0)) {
        clock.advance(test.advance);
        run.flush(pipeline::FlushReason::kTimer);
    }
    run.flush(pipeline::FlushReason::kShutdown);
    TestResult result;
    check(test, *recorder, result);
    note_coverage(test, *recorder);
    result.ok = result.failures.empty();
    return result;
}

void TestRun::add_components(const component::RunContext& base, pipeline::GraphSpec& spec) const {
    spec.inputs.push_back({.id = kFeed, .input = std::make_shared<FeedInput>(), .remake = {}});
    for (const component::PlannedOutput& output : pipeline_.outputs) {
        spec.outputs.push_back({.id = output.id, .output = std::make_shared<TakingOutput>()});
    }
    const bool has_dead_letter = std::ranges::any_of(pipeline_.outputs, [](const auto& output) {
        return output.id == kDeadLetter;
    });
    if (!has_dead_letter) {
        spec.outputs.push_back({.id = kDeadLetter, .output = std::make_shared<TakingOutput>()});
    }
    spec.dead_letter = kDeadLetter;
    for (const component::PlannedFilter& filter : pipeline_.filters) {
        component::RunContext context = base;
        context.id = filter.id;
        spec.filters.push_back(component::filter_spec(filter, filter.plan, std::move(context)));
    }
}

/// A feed at an input takes its routes; one at a filter enters every route there.
void TestRun::add_routes(const config::TestOptions& test, pipeline::GraphSpec& spec) const {
    for (const component::PlannedRoute& planned : pipeline_.routes) {
        const config::RouteOptions& options = planned.options;
        pipeline::Route route{
            .name = options.name,
            .from = {kFeed},
            .match = planned.match,
            .through = options.through,
            .to = options.to,
            .dead_letter = options.dead_letter,
            .required = options.is_required,
        };
        if (test.feed.at_is_filter) {
            const auto at = std::ranges::find(route.through, test.feed.at);
            if (at == route.through.end()) {
                continue;
            }
            route.through.erase(route.through.begin(), at);
            route.match = {};
        } else if (std::ranges::find(options.from, test.feed.at) == options.from.end()) {
            continue;
        }
        spec.routes.push_back(std::move(route));
    }
}

void TestRun::check(const config::TestOptions& test, const Recorder& recorder, TestResult& result)
    const {
    static const std::vector<BatchView> kNothing;
    const auto given = [&](const std::string& id, bool is_filter) -> const std::vector<BatchView>& {
        const auto& of = is_filter ? recorder.out : recorder.in;
        const auto at = of.find(id);
        return at == of.end() ? kNothing : at->second;
    };
    for (const config::TestExpect& expect : test.expect) {
        check_one(expect, given(expect.at, expect.at_is_filter), result);
    }
    for (const config::NamedPlace& nothing : test.expect_none) {
        const bool is_filter = std::ranges::any_of(pipeline_.filters, [&](const auto& filter) {
            return filter.id == nothing.name;
        });
        const auto& views = given(nothing.name, is_filter);
        if (!views.empty()) {
            result.failures.push_back(
                fmt::format("{} must get nothing, but got:{}", nothing.name, shown(views))
            );
        }
    }
    for (const component::PlannedOutput& output : pipeline_.outputs) {
        for (const BatchView& view : given(output.id, false)) {
            for_each_row(view, [&](uint32_t i) {
                result.golden += fmt::format(
                    "{{\"output\":\"{}\",\"record\":{}}}\n", output.id, json_of(view, i)
                );
            });
        }
    }
}

std::string TestRun::shown(const std::vector<BatchView>& views) {
    std::string out;
    size_t count = 0;
    for (const BatchView& view : views) {
        for_each_row(view, [&](uint32_t i) {
            if (++count <= kShownRecordsMax) {
                out += "\n    " + json_of(view, i);
            }
        });
    }
    if (count > kShownRecordsMax) {
        out += fmt::format("\n    and {} more", count - kShownRecordsMax);
    }
    return out.empty() ? " nothing" : out;
}

void TestRun::check_one(
    const config::TestExpect& expect, const std::vector<BatchView>& views, TestResult& result
) {
    auto matcher = logql::RouteMatcher::compile(expect.that.empty() ? "{}" : expect.that);
    if (!matcher) {
        result.failures.push_back(matcher.error().message);
        return;
    }
    uint64_t fitting = 0;
    for (const BatchView& view : views) {
        const BatchView matching{view.batch, matcher->match(view)};
        for_each_row(matching, [&](uint32_t i) {
            fitting += !expect.record || contains(*view.batch, i, *expect.record) ? 1 : 0;
        });
    }
    const bool is_right = expect.count ? fitting == *expect.count : fitting != 0;
    if (is_right) {
        return;
    }
    result.failures.push_back(fmt::format(
        "{}: expected {} record{}{}{}, found {}; it got:{}",
        expect.at,
        expect.count ? fmt::format("{}", *expect.count) : "at least one",
        expect.count == 1 || !expect.count ? "" : "s",
        expect.that.empty() ? "" : fmt::format(" that `{}`", expect.that),
        expect.record ? " with what `record` says" : "",
        fitting,
        shown(views)
    ));
}

void TestRun::note_coverage(const config::TestOptions& test, const Recorder& recorder) {
    for (const auto& [id, views] : recorder.in) {
        const bool is_filter = std::ranges::any_of(pipeline_.filters, [&](const auto& filter) {
            return filter.id == id;
        });
        touched_.insert((is_filter ? "filters." : "outputs.") + id);
    }
    if (!test.feed.at_is_filter) {
        touched_.insert("inputs." + test.feed.at);
    }
}

std::vector<std::string> TestRun::untouched() const {
    std::vector<std::string> out;
    const auto add = [&](const char* section, const auto& components) {
        for (const auto& component : components) {
            const std::string name = std::string(section) + "." + component.id;
            if (!touched_.contains(name)) {
                out.push_back(name);
            }
        }
    };
    add("inputs", pipeline_.inputs);
    add("filters", pipeline_.filters);
    add("outputs", pipeline_.outputs);
    return out;
}

size_t TestRun::component_count() const {
    return pipeline_.inputs.size() + pipeline_.filters.size() + pipeline_.outputs.size();
}

}  // namespace seyir::ctl

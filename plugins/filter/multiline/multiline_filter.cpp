// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/multiline/multiline_filter.hpp"

#include <utility>

#include "common/multiline/multiline_schema.hpp"
#include "plugins/filter/multiline/line_joiner.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::FilterType;
using component::PlanContext;
using config::field;
using config::Schema;
using config::Type;

class MultilineFilter final : public pipeline::Filter {
  public:
    MultilineFilter(const MultilineOptions& options, const component::RunContext& context)
        : joiner_(options, context) {}

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        joiner_.process(view, sink);
        return {};
    }

    Result<void> flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) override {
        joiner_.flush(reason != pipeline::FlushReason::kTimer, sink);
        return {};
    }

    bool never_fails() const override { return true; }

  private:
    LineJoiner joiner_;
};

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    auto multiline = multiline::read_multiline(r, context.id, context.diagnostics);
    if (!multiline) {
        return nullptr;
    }
    MultilineOptions options;
    options.multiline = std::move(*multiline);
    options.keys = r.strings("key");
    options.streams_max = static_cast<size_t>(r.integer("max_streams"));
    options.held_bytes_max = r.bytes("max_held");
    return std::make_shared<MultilinePlan>(std::move(options));
}

}  // namespace

Result<std::unique_ptr<pipeline::Filter>> MultilinePlan::instantiate(
    const component::RunContext& context
) {
    return std::unique_ptr<pipeline::Filter>(std::make_unique<MultilineFilter>(options_, context));
}

FilterType multiline_filter_type() {
    static const auto schema = [] {
        Schema multiline("multiline", "Makes one record of lines that belong together.");
        multiline.example_id("traces").elsewhere("Vector", {"reduce"});
        multiline::add_multiline_fields(multiline);
        multiline
            .with(list_of("key", field("", Type::kString))
                      .between(0, 16)
                      .describe("Attributes that tell streams apart, besides the stream labels: "
                                "lines of different streams are never joined.")
                      .or_else("[]")
                      .show("[container_id, stream]")
                      .elsewhere("Vector", {"group_by"}))
            .with(field("max_streams", Type::kInt)
                      .between(1, 1'000'000)
                      .describe("Streams with an unfinished group; beyond, the one that waited "
                                "longest is sent as it is.")
                      .or_else("1000"))
            .with(field("max_held", Type::kBytes)
                      .between(kMiB, 4 * kGiB)
                      .describe("Memory for unfinished groups; beyond, as with `max_streams`.")
                      .or_else("64MiB"));
        return std::make_shared<const Schema>(std::move(multiline));
    }();
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins

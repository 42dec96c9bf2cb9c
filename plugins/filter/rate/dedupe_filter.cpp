// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/rate/dedupe_filter.hpp"

#include <utility>

#include "plugins/filter/field/row_key.hpp"
#include "plugins/filter/rate/dedupe_options.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto options = std::make_shared<DedupeOptions>();
    options->window = r.duration("window");
    options->keys_max = static_cast<size_t>(r.integer("max_keys"));
    options->by = read_fields(r, "by", context);
    options->with_stream = !r.boolean("across_streams");
    options->condition = Condition::read(r, "if", context);
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return r.string("mode") == "summarize" ? make_summarize_plan(std::move(options))
                                           : make_drop_repeats_plan(std::move(options));
}

}  // namespace

metrics::Counter& dedupe_evicted(const component::RunContext& context) {
    return context.registry.counter(
        "seyir_filter_dedupe_evicted_keys_total",
        "Keys that were forgotten or ended early because `max_keys` others came after them.",
        {{"filter", context.id}}
    );
}

component::FilterType dedupe_filter_type() {
    using config::Type;
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("dedupe", "Lets one of equal records in a window pass, or sums them up.")
            .example_id("no_repeats")
            .with(config::list_of("by", config::field("", Type::kString))
                      .between(1, 16)
                      .describe("Fields that make records equal.")
                      .or_else("[line]")
                      .show("[code, labels.service_name]")
                      .elsewhere("Vector", {"fields"}))
            .with(config::field("window", Type::kDuration)
                      .between(1'000'000, 86'400'000'000'000)
                      .describe("How long after the first of them records count as repeats.")
                      .or_else("10s"))
            .with(config::field("mode", Type::kEnum)
                      .choice("drop", "the first passes at once, repeats end, counted")
                      .choice(
                          "summarize",
                          "the first waits until the window ends and goes on with the attribute "
                          "`repeated`: how many more there were; not after `agents` inputs"
                      )
                      .describe("What becomes of equal records.")
                      .or_else("drop"))
            .with(config::field("across_streams", Type::kBool)
                      .describe("Records of different streams can be equal too.")
                      .or_else("false"))
            .with(config::field("max_keys", Type::kInt)
                      .between(1, 1'000'000)
                      .describe("Different records remembered at a time; beyond it the one not "
                                "seen for longest is forgotten, or summed up early; counted.")
                      .or_else("10000")
                      .elsewhere("Vector", {"cache"}))
            .with(condition_field("if").describe(
                "Only records this LogQL condition selects are looked at; others pass."
            ))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/alert/alert_type.hpp"

#include <mutex>

#include <fmt/format.h>

#include "plugins/filter/alert/alert_filter.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlan;
using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;
using config::Schema;
using config::Type;

config::Field severity_field() {
    return config::field("severity", Type::kEnum)
        .choice("info", "worth knowing")
        .choice("warn", "worth a look")
        .choice("error", "something is broken")
        .choice("fatal", "get up")
        .describe("Severity of the notice.")
        .or_else("error");
}

Schema make_schema() {
    return Schema("alert", "Tells outputs when enough records match; records pass unchanged.")
        .example_id("many_errors")
        .elsewhere("other programs", {"ruler", "elastalert"})
        .with(config::field("if", Type::kString)
                  .required()
                  .between(1, 64 * 1024)
                  .describe("LogQL that a record must pass to count.")
                  .show("'{env=\"prod\"} |= \"error\"'")
                  .elsewhere(
                      "other programs", {"match", "when", "condition", "expr", "where", "filter"}
                  ))
        .with(config::list_of("by", config::field("", Type::kString).between(1, 128))
                  .between(0, 16)
                  .describe(
                      "Labels that make groups, each counted alone; also those that stages of `if` "
                      "extract."
                  )
                  .or_else("[]")
                  .show("[host]")
                  .elsewhere("other programs", {"group_by", "query_key"}))
        .with(config::field("threshold", Type::kInt)
                  .between(1, 1'000'000'000)
                  .describe("Records within `window` that make a group fire.")
                  .or_else("1")
                  .elsewhere("other programs", {"num_events", "count"}))
        .with(config::field("window", Type::kDuration)
                  .between(1'000'000'000, 86'400'000'000'000)
                  .describe("How long a record counts.")
                  .or_else("5m")
                  .elsewhere("other programs", {"timeframe", "period", "range"}))
        .with(config::field("cooldown", Type::kDuration)
                  .between(0, 604'800'000'000'000)
                  .describe("Time between two notices of one group.")
                  .or_else("5m")
                  .elsewhere("other programs", {"repeat_interval", "realert", "silence"}))
        .with(severity_field())
        .with(
            config::field("summary", Type::kString)
                .between(1, 4096)
                .describe(
                    "Template of the notice's line: `{{.alert_name}}`, `{{.alert_count}}`, "
                    "`{{.alert_labels_host}}`, `{{.alert_last_line}}`, ...; `{{__line__}}` is the "
                    "default."
                )
                .or_else_described("name, count, window and group")
                .show("'{{.alert_count}} errors on {{.alert_labels_host}}'")
                .elsewhere("other programs", {"message", "annotations"})
        )
        .with(config::field("notify_resolved", Type::kBool)
                  .describe("Whether a notice is sent when a group falls below the threshold.")
                  .or_else("false")
                  .elsewhere("other programs", {"send_resolved"}))
        .with(config::field("max_groups", Type::kInt)
                  .between(1, 100'000)
                  .describe("Groups counted at once; beyond, the rule is failing and says so.")
                  .or_else("1000"))
        .with(config::list_of("to", config::field("", Type::kString).between(1, 64))
                  .required()
                  .between(1, 100)
                  .describe("Outputs that get the notices.")
                  .show("[mail]")
                  .elsewhere("other programs", {"notify", "receivers", "outputs"}))
        .with(component::on_error_field("keep"));
}

class AlertPlan final : public FilterPlan {
  public:
    AlertPlan(alert::RulePtr rule, std::vector<config::NamedPlace> to)
        : engine_(std::make_shared<alert::SharedEngine>(std::move(rule))), to_(std::move(to)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        std::call_once(refilled_, [&] {
            alert::RefillSource* source =
                context.program == nullptr ? nullptr : context.program->alert_refill();
            if (source != nullptr) {
                engine_->refill(*source, context.clock.wall_now());
            }
        });
        const metrics::Labels filter = {{"filter", context.id}};
        const auto notices = [&](const char* state) -> metrics::Counter& {
            return context.registry.counter(
                "seyir_alert_notices_total",
                "What alert rules told.",
                {{"filter", context.id}, {"state", state}}
            );
        };
        metrics::Registry& registry = context.registry;
        return std::make_unique<AlertFilter>(
            engine_,
            context.host_name,
            context.clock,
            AlertCounters{
                registry.counter("seyir_alert_matches_total", "Records that counted.", filter),
                registry.counter(
                    "seyir_alert_errors_total", "Records the condition could not judge.", filter
                ),
                notices("firing"),
                notices("resolved"),
                notices("rule_failing"),
                registry.gauge("seyir_alert_groups", "Groups counted at the moment.", filter),
                registry.gauge("seyir_alert_groups_firing", "Groups above the threshold.", filter),
            }
        );
    }

    bool wants_timer() const override { return true; }

    std::vector<config::NamedPlace> event_outputs() const override { return to_; }

  private:
    std::shared_ptr<alert::SharedEngine> engine_;
    std::vector<config::NamedPlace> to_;
    std::once_flag refilled_;
};

FilterPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    alert::RuleText text;
    text.name = context.id;
    text.condition = r.string("if");
    text.by = r.strings("by");
    text.threshold = static_cast<uint64_t>(r.integer("threshold"));
    text.window = r.duration("window");
    text.cooldown = r.duration("cooldown");
    text.severity = severity_from_text(r.string("severity"));
    text.notify_resolved = r.boolean("notify_resolved");
    text.groups_max = static_cast<uint32_t>(r.integer("max_groups"));
    auto condition = alert::Rule::compile(text);
    if (!condition) {
        component::add_value_error(context, r, "if", config::kBadMatch, condition.error());
        return nullptr;
    }
    text.summary = r.string("summary");
    auto rule = alert::Rule::compile(std::move(text));
    if (!rule) {
        component::add_value_error(context, r, "summary", config::kNotAllowed, rule.error());
        return nullptr;
    }
    std::vector<config::NamedPlace> to;
    const std::vector<std::string> names = r.strings("to");
    for (size_t i = 0; i < names.size(); ++i) {
        to.push_back({names[i], r.item_span("to", i)});
    }
    return std::make_shared<AlertPlan>(std::move(*rule), std::move(to));
}

}  // namespace

component::FilterType alert_filter_type() {
    return {std::make_shared<const Schema>(make_schema()), plan};
}

}  // namespace seyir::plugins

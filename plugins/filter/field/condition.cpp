// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/condition.hpp"

#include <utility>

namespace seyir::plugins {

std::optional<Condition> Condition::read(
    const config::ObjectReader& r, std::string_view key, component::PlanContext& context
) {
    const std::string text = r.string(key);
    if (text.empty() || context.diagnostics.is_broken(r.span(key))) {
        return std::nullopt;
    }
    auto matcher = logql::RouteMatcher::compile(text);
    if (!matcher) {
        component::add_value_error(context, r, key, config::kBadMatch, matcher.error());
        return std::nullopt;
    }
    return Condition(std::move(*matcher));
}

Selection Condition::match(const BatchView& view, uint64_t& errors) const {
    return matcher_->match(view, &errors);
}

config::Field condition_field(std::string name) {
    return config::field(std::move(name), config::Type::kString)
        .show("'| level = \"debug\"'")
        .elsewhere("Vector", {"condition"})
        .elsewhere("Filebeat", {"when"})
        .elsewhere("promtail", {"selector"});
}

metrics::Counter& condition_errors(const component::RunContext& context) {
    return context.registry.counter(
        "seyir_filter_condition_errors_total",
        "Records whose condition could not be evaluated (__error__) and so did not match.",
        {{"filter", context.id}}
    );
}

Selection rest_of(const BatchView& view, const Selection& chosen) {
    std::vector<uint32_t> rows;
    if (chosen.all) {
        return Selection::of(std::move(rows));
    }
    if (chosen.rows.empty()) {
        return view.rows;
    }
    rows.reserve(view.row_count() - chosen.rows.size());
    size_t next = 0;
    for_each_row(view, [&](uint32_t i) {
        if (next < chosen.rows.size() && chosen.rows[next] == i) {
            ++next;
        } else {
            rows.push_back(i);
        }
    });
    return Selection::of(std::move(rows));
}

}  // namespace seyir::plugins

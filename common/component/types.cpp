// SPDX-License-Identifier: Apache-2.0
#include "common/component/types.hpp"

#include <map>

#include <fmt/format.h>

#include "common/config/schema/value_error.hpp"

namespace seyir::component {

void add_value_error(
    PlanContext& context,
    const config::ObjectReader& r,
    std::string_view key,
    std::string_view code,
    const Error& error
) {
    const std::string what = fmt::format("`{}` of `{}`", key, context.id);
    context.diagnostics.add(config::value_error(r, key, code, what, error));
}

config::Field on_error_field(std::string default_choice, bool is_sensitive) {
    config::Field on_error =
        config::field("on_error", config::Type::kEnum)
            .describe("What becomes of records this filter cannot handle.")
            .elsewhere("Vector", {"drop_on_error", "reroute_dropped"})
            .choice("dead_letter", "they go to the route's dead letter output, with the reason")
            .choice("drop", "they end here, counted");
    if (!is_sensitive) {
        on_error.choice("keep", "they go on as they came, counted");
    }
    return on_error.or_else(std::move(default_choice));
}

OnError read_on_error(const config::ObjectReader& r) {
    return r.choice<OnError>(
        "on_error",
        {{"dead_letter", OnError::kDeadLetter}, {"drop", OnError::kDrop}, {"keep", OnError::kKeep}}
    );
}

StreamLabelsPtr input_labels(const config::ObjectReader& r, PlanContext& context) {
    std::map<std::string, std::string> labels = {{"service_name", context.id}};
    for (const auto& [name, value] : context.labels) {
        labels[name] = value;
    }
    for (const auto& [name, value] : r.pairs("labels")) {
        labels[name] = value;
    }
    if (r.has("service_name")) {
        labels["service_name"] = r.string("service_name");
    }
    labels["input"] = context.id;
    auto made = StreamLabels::make({labels.begin(), labels.end()});
    if (made) {
        return std::move(*made);
    }
    if (!context.diagnostics.has_errors()) {
        context.diagnostics.add(
            {.code = config::kItemCount,
             .at = context.id_span,
             .message = fmt::format("labels of input `{}`: {}", context.id, made.error().message),
             .hint = "top-level `labels` and the input's own count together"}
        );
    }
    return nullptr;
}

}  // namespace seyir::component

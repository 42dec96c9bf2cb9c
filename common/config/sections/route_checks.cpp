// SPDX-License-Identifier: Apache-2.0
// SectionChecks::routes: names, conditions and coverage of the `routes` section.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/schema/value_error.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::config {
namespace {

const NamedPlace* find_named(const std::vector<NamedPlace>& places, std::string_view name) {
    const auto it = std::ranges::find(places, name, &NamedPlace::name);
    return it == places.end() ? nullptr : &*it;
}

/// What the names of one key of a route refer to.
struct NameKind {
    std::string_view key;     ///< "to"
    std::string_view code;    ///< when there is no such name
    std::string_view verb;    ///< "sends to"
    std::string_view kind;    ///< "output"
    bool allows_all = false;  ///< `*`
};

constexpr NameKind kFrom{"from", kUnknownInput, "reads from", "input", true};
constexpr NameKind kThrough{"through", kUnknownFilter, "passes through", "filter"};
constexpr NameKind kTo{"to", kUnknownOutput, "sends to", "output"};
constexpr NameKind kDeadLetter{"dead_letter", kUnknownOutput, "sends dead letters to", "output"};

const Node* value_of(const Node& map, std::string_view key) {
    const Entry* entry = map.find(key);
    return entry == nullptr ? nullptr : entry->value;
}

bool names(const Node* list, const std::string& output) {
    return list != nullptr &&
           (list->text == output || std::ranges::any_of(list->items, [&](const Node* item) {
                return item->text == output;
            }));
}

/// True when a component sends records of its own to the output: `to` of an `alert` filter, and of
/// `on_collector_lost`.
bool is_fed_by_component(const ObjectReader& root, const std::string& output) {
    if (root.node() == nullptr) {
        return false;
    }
    const Node* filters = value_of(*root.node(), "filters");
    const Node* outputs = value_of(*root.node(), "outputs");
    const auto by_filter = [&](const Entry& filter) {
        return names(value_of(*filter.value, "to"), output);
    };
    const auto by_output = [&](const Entry& other) {
        const Node* notice = value_of(*other.value, "on_collector_lost");
        return notice != nullptr && names(value_of(*notice, "to"), output);
    };
    return (filters != nullptr && std::ranges::any_of(filters->entries, by_filter)) ||
           (outputs != nullptr && std::ranges::any_of(outputs->entries, by_output));
}

void unknown_name(
    Diagnostics& diagnostics,
    const NameKind& kind,
    const std::vector<NamedPlace>& known,
    const Node& item
) {
    std::vector<std::string_view> names;
    for (const NamedPlace& place : known) {
        names.push_back(place.name);
    }
    Diagnostic diagnostic{
        .code = kind.code,
        .at = item.span,
        .message = fmt::format(
            "route {} `{}`, which is not {} {}",
            kind.verb,
            item.text,
            kind.kind == "filter" ? "a" : "an",
            kind.kind
        )
    };
    if (const auto near = did_you_mean(item.text, names)) {
        diagnostic.hint = fmt::format(
            "did you mean `{}`, defined at {}?",
            *near,
            diagnostics.sources().place_name(find_named(known, *near)->at)
        );
    } else if (names.empty()) {
        diagnostic.hint = fmt::format("there is no {} at all", kind.kind);
    }
    if (!names.empty()) {
        diagnostic.notes.push_back(fmt::format("{}s here: {}", kind.kind, fmt::join(names, ", ")));
    }
    diagnostics.add(std::move(diagnostic));
}

/// The names under one key of a route against what is defined.
void check_names(
    Diagnostics& diagnostics,
    const ObjectReader& route,
    const NameKind& kind,
    const std::vector<NamedPlace>& known
) {
    const Entry* entry = route.node() == nullptr ? nullptr : route.node()->find(kind.key);
    if (entry == nullptr || entry->value->is_null()) {
        return;
    }
    const Node* list = entry->value;
    std::vector<const Node*> items(list->items.begin(), list->items.end());
    if (list->is_scalar()) {
        items.push_back(list);
    }
    std::set<std::string> seen;
    for (const Node* item : items) {
        if (!item->is_scalar() || diagnostics.is_broken(item->span)) {
            continue;
        }
        if (!seen.insert(item->text).second) {
            diagnostics.add(
                {.code = kDuplicateName,
                 .at = item->span,
                 .message = fmt::format("`{}` is listed twice", item->text),
                 .hint = "remove one"}
            );
        }
        const bool is_known =
            (kind.allows_all && item->text == "*") || find_named(known, item->text) != nullptr;
        if (!is_known) {
            unknown_name(diagnostics, kind, known, *item);
        }
    }
}

std::vector<NamedPlace> named_places(const ObjectReader& root, std::string_view key) {
    std::vector<NamedPlace> places;
    for (auto& [name, at] : root.component_names(key)) {
        places.push_back({std::move(name), at});
    }
    return places;
}

}  // namespace

void SectionChecks::check_coverage(
    const ObjectReader& root,
    const std::vector<RouteOptions>& routes,
    const std::vector<NamedPlace>& inputs,
    const std::vector<NamedPlace>& outputs
) const {
    const Span routes_span = root.span("routes");
    if (routes.empty() && outputs.size() > 1 && !diagnostics.is_broken(routes_span)) {
        diagnostics.add(
            {.code = kRoutesNeeded,
             .at = outputs[1].at,
             .message = fmt::format("there are {} outputs and no routes", outputs.size()),
             .hint = fmt::format("add `routes: [{{ name: all, to: [{}] }}]`", outputs[0].name)}
        );
    }
    const auto items = root.objects("routes");
    const bool is_broken = std::ranges::any_of(items, [&](const ObjectReader& route) {
        return diagnostics.is_broken(route.node()->span);  // each may stand in another file
    });
    if (routes.empty() || is_broken || (root.has("routes") && diagnostics.is_broken(routes_span))) {
        return;  // what the routes cover is not known
    }
    const auto is_in = [](const std::vector<std::string>& names, const NamedPlace& place) {
        return std::ranges::find(names, place.name) != names.end();
    };
    const auto check = [&](const std::vector<NamedPlace>& places, auto is_used, auto make) {
        for (const NamedPlace& place : places) {
            if (!std::ranges::any_of(routes, [&](const auto& r) { return is_used(r, place); })) {
                Diagnostic diagnostic = make(place);
                diagnostic.at = place.at;
                diagnostics.add(std::move(diagnostic));
            }
        }
    };
    check(
        inputs,
        [&](const RouteOptions& route, const NamedPlace& p) { return is_in(route.from, p); },
        [](const NamedPlace& place) -> Diagnostic {
            return {
                .code = kUnroutedInput,
                .message = fmt::format("no route reads from input `{}`", place.name),
                .hint = "add it to a route's `from`, or remove it"
            };
        }
    );
    check(
        named_places(root, "filters"),
        [&](const RouteOptions& route, const NamedPlace& p) { return is_in(route.through, p); },
        [](const NamedPlace& place) -> Diagnostic {
            return {
                .code = kUnusedFilter,
                .message = fmt::format("no route passes through filter `{}`", place.name),
                .hint = "add it to a route's `through`, or remove it"
            };
        }
    );
    check(
        outputs,
        [&](const RouteOptions& route, const NamedPlace& p) {
            return is_in(route.to, p) || route.dead_letter == p.name ||
                   is_fed_by_component(root, p.name);
        },
        [](const NamedPlace& place) -> Diagnostic {
            return {
                .code = kUnusedOutput,
                .message = fmt::format("no route sends to output `{}`", place.name),
                .hint = "add it to a route's `to`, or remove it"
            };
        }
    );
}

void SectionChecks::dead_letter(const RouteOptions& route, const std::vector<NamedPlace>& outputs)
    const {
    if (find_named(outputs, route.dead_letter) == nullptr ||
        std::ranges::find(route.to, route.dead_letter) == route.to.end()) {
        return;
    }
    diagnostics.add(
        {.code = kDeadLetterLoop,
         .at = route.dead_letter_span,
         .message = fmt::format(
             "route `{}` sends to `{}`, and what that refuses to it again",
             route.name,
             route.dead_letter
         ),
         .hint = "name an output that is not in this route's `to`"}
    );
}

void SectionChecks::condition(const ObjectReader& r, std::string_view key, std::string_view what)
    const {
    const std::string text = r.string(key);
    if (text.empty() || !check_match || diagnostics.is_broken(r.span(key))) {
        return;
    }
    if (const std::optional<Error> wrong = check_match(text)) {
        diagnostics.add(value_error(r, key, kBadMatch, what, *wrong));
    }
}

std::vector<RouteOptions> SectionChecks::routes(const ObjectReader& root) const {
    const std::vector<NamedPlace> inputs = named_places(root, "inputs");
    const std::vector<NamedPlace> filters = named_places(root, "filters");
    const std::vector<NamedPlace> outputs = named_places(root, "outputs");
    std::vector<RouteOptions> routes;
    std::vector<std::string> all_inputs;
    for (const NamedPlace& input : inputs) {
        all_inputs.push_back(input.name);
    }
    std::set<std::string> names;
    for (const ObjectReader& r : root.objects("routes")) {
        RouteOptions route;
        route.name = r.string("name");
        route.match = r.string("match");
        route.match_span = r.span("match");
        route.is_required = r.boolean("required");
        route.through = r.strings("through");
        for (size_t i = 0; i < route.through.size(); ++i) {
            route.through_spans.push_back(r.item_span("through", i));
        }
        route.dead_letter = r.string("dead_letter");
        route.dead_letter_span = r.span("dead_letter");
        route.to = r.strings("to");
        route.from = r.strings("from");
        if (std::ranges::find(route.from, "*") != route.from.end()) {
            route.from = all_inputs;
        }
        if (!names.insert(route.name).second && !route.name.empty()) {
            diagnostics.add(
                {.code = kDuplicateName,
                 .at = r.span("name"),
                 .message = fmt::format("a second route is named `{}`", route.name),
                 .hint = "give each its own name"}
            );
        }
        check_names(diagnostics, r, kFrom, inputs);
        check_names(diagnostics, r, kThrough, filters);
        check_names(diagnostics, r, kTo, outputs);
        check_names(diagnostics, r, kDeadLetter, outputs);
        dead_letter(route, outputs);
        condition(r, "match", fmt::format("`match` of route `{}`", route.name));
        routes.push_back(std::move(route));
    }
    if (routes.empty() && outputs.size() == 1) {
        routes.push_back({.name = "default", .from = all_inputs, .to = {outputs[0].name}});
    }
    check_coverage(root, routes, inputs, outputs);
    return routes;
}

}  // namespace seyir::config

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/config/schema/validate.hpp"
#include "common/config/sections/sections.hpp"

namespace {

using namespace seyir;
using namespace seyir::config;

/// Component schemas as a catalogue holds them: made at run time, gone with it.
struct Sections {
    Schema in{"in", "An input."};
    Schema parse{"parse", "A filter."};
    Schema out{"out", "An output."};
    Schema root{"root", "A program."};

    Sections() {
        root.with(components("inputs", {&in}))
            .with(components("filters", {&parse}).or_else("{}"))
            .with(components("outputs", {&out}))
            .with(routes_field());
    }
};

constexpr std::string_view kComponents = R"(
inputs: { app: { type: in }, sys: { type: in } }
filters: { parse: { type: parse }, redact: { type: parse } }
outputs: { store: { type: out }, alerts: { type: out }, rejected: { type: out } }
)";

struct Checked {
    std::vector<RouteOptions> routes;
    std::string text;
};

Checked check(const std::string& routes) {
    const Sections sections;
    auto source =
        std::make_shared<SourceFile>("t.yaml", std::string(kComponents.substr(1)) + routes);
    Diagnostics diagnostics(source);
    Document document = parse_document(source, diagnostics);
    validate(document, sections.root, diagnostics);
    const ReadContext context{"/"};
    const ObjectReader root(document.root(), sections.root, context);
    const SectionChecks checks{.diagnostics = diagnostics, .check_match = {}};
    Checked checked{.routes = checks.routes(root), .text = ""};
    for (const Diagnostic& d : diagnostics.sorted()) {
        const Position at = source->position(d.at.value_or(Span{}).begin);
        checked.text += fmt::format("{} {}:{} {}", d.code, at.line, at.column, d.message);
        checked.text += d.hint.empty() ? "\n" : fmt::format(" ({})\n", d.hint);
    }
    return checked;
}

}  // namespace

TEST_SUITE("common/config/sections/routes") {
    TEST_CASE("a route reads its filters in their order, with places, and its dead letter output") {
        const Checked c = check(
            "routes: [{ name: a, from: '*', through: [redact, parse], to: [store, alerts], "
            "dead_letter: rejected }]\n"
        );
        CHECK(c.text == "");
        REQUIRE(c.routes.size() == 1);
        const RouteOptions& a = c.routes[0];
        CHECK(a.through == std::vector<std::string>{"redact", "parse"});
        REQUIRE(a.through_spans.size() == 2);
        CHECK(a.through_spans[1].begin - a.through_spans[0].begin == 8);
        CHECK(a.dead_letter == "rejected");
        CHECK(a.from == std::vector<std::string>{"app", "sys"});
    }

    TEST_CASE("names in `through` and `dead_letter` must exist, and near ones are suggested") {
        const Checked c = check(
            "routes:\n"
            "  - name: a\n"
            "    through: [pars, redact, parse, redact]\n"
            "    to: [store, alerts]\n"
            "    dead_letter: rejectet\n"
            "  - { name: b, through: zzz, to: rejected }\n"
        );
        CHECK(
            c.text ==
            "E0315 6:15 route passes through `pars`, which is not a filter "
            "(did you mean `parse`, defined at t.yaml:2:12?)\n"
            "E0316 6:36 `redact` is listed twice (remove one)\n"
            "E0311 8:18 route sends dead letters to `rejectet`, which is not an output "
            "(did you mean `rejected`, defined at t.yaml:3:57?)\n"
            "E0315 9:25 route passes through `zzz`, which is not a filter\n"
        );
    }

    TEST_CASE("a dead letter output must not be one of the outputs that refuse") {
        const Checked c = check(
            "routes:\n"
            "  - { name: a, through: [parse, redact], to: [store, alerts, rejected],"
            " dead_letter: store }\n"
        );
        CHECK(
            c.text ==
            "E0319 5:86 route `a` sends to `store`, and what that refuses to it again "
            "(name an output that is not in this route's `to`)\n"
        );
    }

    TEST_CASE("a dead letter output counts as used, and an unused filter is a warning") {
        const Checked c = check(
            "routes: [{ name: a, through: parse, to: [store, alerts], dead_letter: rejected }]\n"
        );
        CHECK(
            c.text ==
            "W0318 2:36 no route passes through filter `redact` "
            "(add it to a route's `through`, or remove it)\n"
        );
    }

    TEST_CASE("several outputs without routes are refused at the second one") {
        const Checked c = check("");
        CHECK(c.text.starts_with("E0312 3:34 there are 3 outputs and no routes"));
        CHECK(c.routes.empty());
    }
}

// SPDX-License-Identifier: Apache-2.0
// A small program's schema, and what a text of it is told. Its component schemas are made at run
// time and gone with it, as those of a catalogue with plugins are.
#pragma once

#include <memory>
#include <string>

#include <fmt/format.h>

#include "common/config/environment.hpp"
#include "common/config/schema/validate.hpp"
#include "common/config/sections/tests.hpp"
#include "common/logql/route_matcher.hpp"

namespace seyir::test {

struct Sections {
    config::Schema in{"in", "An input."};
    config::Schema parse{"parse", "A filter."};
    config::Schema out{"out", "An output."};
    config::Schema root{"root", "A program."};

    Sections() {
        parse.with(config::field("if", config::Type::kString).describe("x").show("x"));
        root.with(config::components("inputs", {&in}))
            .with(config::components("filters", {&parse}).or_else("{}"))
            .with(config::components("outputs", {&out}))
            .with(config::routes_field())
            .with(config::tests_field());
    }
};

/// A text with the three maps filled, checked as programs do it.
class CheckedSections {
  public:
    static constexpr std::string_view kComponents =
        "inputs: { app: { type: in }, sys: { type: in } }\n"
        "filters: { parse: { type: parse }, redact: { type: parse } }\n"
        "outputs: { store: { type: out }, alerts: { type: out }, rejected: { type: out } }\n";

    explicit CheckedSections(const std::string& text, std::string_view components = kComponents)
        : sources(std::make_shared<config::SourceSet>(
              std::make_shared<config::SourceFile>("/x/t.yaml", std::string(components) + text),
              "/x"
          )),
          diagnostics(sources),
          document(config::parse_document(sources, diagnostics)),
          context{"/x", sources} {
        const config::Environment environment{
            .variable = [](const std::string& name) -> std::optional<std::string> {
                return name == "LEVEL" ? std::optional<std::string>("secret") : std::nullopt;
            },
            .files = nullptr,
            .base_directory = "/x"
        };
        config::expand_references(document, environment, diagnostics);
        config::validate(document, sections.root, diagnostics);
        const config::ObjectReader root(document.root(), sections.root, context);
        const config::SectionChecks checks{
            .diagnostics = diagnostics,
            .check_match = [](std::string_view match) -> std::optional<Error> {
                auto matcher = logql::RouteMatcher::compile(match);
                return matcher ? std::nullopt : std::optional(std::move(matcher).error());
            },
        };
        routes = checks.routes(root);
        tests = config::read_tests(root, checks);
    }

    /// A line each: "CODE line:column [marked source] message (hint)".
    std::string text() const {
        std::string out;
        for (const config::Diagnostic& d : diagnostics.sorted()) {
            const config::Span span = d.at.value_or(config::Span{});
            const config::Position at = sources->position(span.begin);
            out += fmt::format(
                "{} {}:{} [{}] {}", d.code, at.line, at.column, sources->slice(span), d.message
            );
            out += d.hint.empty() ? "\n" : fmt::format(" ({})\n", d.hint);
        }
        return out;
    }

    Sections sections;
    std::shared_ptr<config::SourceSet> sources;
    config::Diagnostics diagnostics;
    config::Document document;
    config::ReadContext context;
    std::vector<config::RouteOptions> routes;
    std::vector<config::TestOptions> tests;
};

}  // namespace seyir::test

// SPDX-License-Identifier: Apache-2.0
#include "common/service/routes.hpp"

#include <memory>
#include <utility>

#include "common/logql/route_matcher.hpp"

namespace seyir::service {
namespace {

/// The first line is the message; caret and hint lines become notes.
config::Diagnostic bad_match(const Error& error, const config::Span& at) {
    config::Diagnostic diagnostic{.code = config::kBadMatch, .at = at};
    const std::string& text = error.message;
    const size_t first = text.find('\n');
    diagnostic.message = text.substr(0, first);
    for (size_t begin = first; begin != std::string::npos;) {
        const size_t end = text.find('\n', begin + 1);
        const std::string line = text.substr(begin + 1, end - begin - 1);
        if (!line.empty()) {
            diagnostic.notes.push_back(line);
        }
        begin = end;
    }
    return diagnostic;
}

}  // namespace

std::vector<pipeline::Route> compile_routes(
    const std::vector<config::RouteOptions>& options, config::Diagnostics& diagnostics
) {
    std::vector<pipeline::Route> routes;
    for (const config::RouteOptions& option : options) {
        pipeline::Route route{
            .name = option.name,
            .from = option.from,
            .match = {},
            .to = option.to,
            .required = option.is_required,
        };
        if (!option.match.empty()) {
            auto matcher = logql::RouteMatcher::compile(option.match);
            if (!matcher) {
                diagnostics.add(bad_match(matcher.error(), option.match_span));
                continue;
            }
            if (!matcher->matches_all()) {
                auto shared = std::make_shared<logql::RouteMatcher>(std::move(*matcher));
                route.match = [shared](const BatchView& view) { return shared->match(view); };
            }
        }
        routes.push_back(std::move(route));
    }
    return routes;
}

}  // namespace seyir::service

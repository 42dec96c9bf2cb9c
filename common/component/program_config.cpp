// SPDX-License-Identifier: Apache-2.0
#include "common/component/program_config.hpp"

#include <utility>

#include "common/logql/route_matcher.hpp"

namespace seyir::component {
namespace {

using config::field;
using config::Type;

config::SectionChecks::Listener http_listener(
    const config::ObjectReader& root, const ProgramConfig& program
) {
    const config::ObjectReader listen = root.nested("listen");
    return {
        .what = "listen.http",
        .address = program.listen.http,
        .at = listen.node() == nullptr ? config::Span{0, 1} : listen.span("http"),
        .has_tls = program.tls.is_on(),
        .allows_plaintext = root.boolean("allow_plaintext"),
        .has_tokens = !program.tokens.empty(),
        .token_hint = "add `tokens: [{ name: ..., token: ... }]`",
    };
}

}  // namespace

void add_program_sections(
    config::Schema& program,
    config::Field home,
    const std::string& home_key,
    std::string default_http
) {
    program
        .with(field("version", Type::kInt)
                  .required()
                  .describe("Version of the configuration format; this program knows 1.")
                  .show("1"))
        .with(std::move(home))
        .with(config::listen_field(std::move(default_http), home_key))
        .with(config::object("tls", config::server_tls_schema())
                  .describe("For `listen.http`, and for inputs that give no `tls` of their own.")
                  .or_else_described("`listen.http` speaks plain HTTP"))
        .with(config::tokens_field())
        .with(config::allow_plaintext_field())
        .with(config::include_field())
        .with(config::conf_d_field());
}

ProgramConfig read_program(
    const config::ObjectReader& root,
    const config::SectionChecks& checks,
    const config::ReadContext& read,
    ProgramTypesPtr types,
    const ProgramTraits& traits,
    std::string host_name
) {
    ProgramConfig program;
    program.types = std::move(types);
    checks.version(root);
    program.home = root.path(traits.home_key);
    program.listen = config::read_listen(root, program.home);
    checks.admin_path(root, program.listen.admin_path);
    program.tls = config::read_server_tls(root, "tls");
    checks.server_tls(root, "tls");
    program.tokens = checks.tokens(root);
    program.log = config::read_log(root);
    program.host_name = std::move(host_name);
    if (traits.has_labels) {
        for (const auto& [name, value] : root.pairs("labels")) {
            if (name == "host") {
                program.host_name = value;
            }
        }
        program.labels = root.pairs("labels");
    }
    config::StringPairs labels = program.labels;
    if (traits.has_labels) {
        labels.insert(labels.begin(), {"host", program.host_name});
    }
    const PlanContext base{
        .id = "",
        .id_span = {},
        .diagnostics = checks.diagnostics,
        .checks = checks,
        .read = read,
        .labels = std::move(labels),
        .tls = program.tls,
        .tokens = program.tokens,
        .allows_plaintext = root.boolean("allow_plaintext"),
        .has_http = program.listen.http.has_value(),
    };
    program.pipeline = read_pipeline(root, program.types->catalogue, base);
    std::vector<config::SectionChecks::Listener> listeners = {http_listener(root, program)};
    for (const PlannedInput& input : program.pipeline.inputs) {
        for (config::SectionChecks::Listener& listener : input.plan->listeners()) {
            listeners.push_back(std::move(listener));
        }
    }
    checks.listeners(listeners);
    return program;
}

std::optional<Error> check_route_match(std::string_view text) {
    auto matcher = logql::RouteMatcher::compile(text);
    return matcher ? std::nullopt : std::optional(std::move(matcher).error());
}

}  // namespace seyir::component

// SPDX-License-Identifier: Apache-2.0
#include "collector/input/input_types.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "collector/input/agents/agents_input.hpp"
#include "collector/input/input_schemas.hpp"
#include "collector/input/loki/loki_input.hpp"
#include "collector/services/collector_services.hpp"
#include "common/base/version.hpp"
#include "common/component/credentials.hpp"

namespace seyir::collector::input {
namespace {

using component::InputContext;
using component::InputPlan;
using component::InputPlanPtr;
using component::PlanContext;
using config::ObjectReader;
using Listener = config::SectionChecks::Listener;

class AgentsPlan final : public InputPlan {
  public:
    AgentsPlan(AgentsOptions options, Listener listener)
        : options_(std::move(options)), listener_(std::move(listener)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const InputContext& context) override {
        auto& services = static_cast<CollectorServices&>(context.program);
        AgentsSetup setup;
        setup.id = options_.id;
        setup.listen = {.host = options_.listen.host, .port = options_.listen.port};
        SEYIR_TRY(setup.tls, component::load_server_tls(options_.tls));
        SEYIR_TRY(setup.authenticator, component::make_authenticator(options_.tokens));
        setup.joined = options_.may_join ? services.agent_tokens : nullptr;
        setup.find_relay_target = services.find_relay_target;
        setup.find_position_keepers = services.find_position_keepers;
        setup.brake = services.brake;
        setup.server_version = kVersion;
        setup.connections_max = options_.connections_max;
        return std::make_unique<AgentsInput>(
            std::move(setup), services.store, context.run.clock, context.run.registry
        );
    }

    std::vector<Listener> listeners() const override { return {listener_}; }

    bool has_positions() const override { return true; }

  private:
    AgentsOptions options_;
    Listener listener_;
};

class LokiPlan final : public InputPlan {
  public:
    explicit LokiPlan(LokiOptions options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const InputContext& context) override {
        auto input = std::make_unique<LokiInput>(options_, context.run.registry, context.run.clock);
        input->set_brake(static_cast<CollectorServices&>(context.program).brake);
        return input;
    }

  private:
    LokiOptions options_;
};

InputPlanPtr plan_agents(const ObjectReader& r, PlanContext& context) {
    AgentsOptions agents = read_agents(r);
    agents.id = context.id;
    context.checks.server_tls(r, "tls");
    if (!agents.tokens.empty()) {
        agents.tokens[0].name = context.id;
    }
    std::ranges::copy_if(
        context.tokens, std::back_inserter(agents.tokens), &config::TokenOptions::may_ingest
    );
    agents.tls = agents.tls.is_on() ? agents.tls : context.tls;
    Listener listener{
        .what = fmt::format("inputs.{}.listen", context.id),
        .address = r.address("listen"),
        .at = r.span("listen"),
        .has_tls = agents.tls.is_on(),
        .allows_plaintext =
            r.has("allow_plaintext") ? r.boolean("allow_plaintext") : context.allows_plaintext,
        .has_tokens = agents.may_join || !agents.tokens.empty() || !agents.tls.client_ca.empty(),
        .token_hint = "add `join: true`, `token`, or `tls: { client_ca: ... }`",
    };
    return std::make_shared<AgentsPlan>(std::move(agents), std::move(listener));
}

InputPlanPtr plan_loki(const ObjectReader& r, PlanContext& context) {
    LokiOptions loki = read_loki(r);
    loki.id = context.id;
    if (!context.has_http) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = context.id_span,
             .message = fmt::format("input `{}` needs `listen.http`, which is off", context.id),
             .hint = "give `listen.http` an address"}
        );
    }
    return std::make_shared<LokiPlan>(std::move(loki));
}

}  // namespace

component::InputType agents_input_type() {
    return {std::make_shared<const config::Schema>(agents_schema()), plan_agents};
}

component::InputType loki_input_type() {
    return {std::make_shared<const config::Schema>(loki_schema()), plan_loki};
}

}  // namespace seyir::collector::input

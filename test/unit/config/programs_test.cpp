// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"

namespace {

using namespace seyir;

constexpr std::string_view kAgent = R"(# agent.yaml
version: 1
state_dir: /tmp/x/agent
listen: { http: 127.0.0.1:7420 }
labels: { env: test }
inputs:
  app: { type: tail, include: ['/tmp/x/logs/*.log'] }
outputs:
  central: { type: collector, endpoints: ['127.0.0.1:7410'], token: secret }
)";

constexpr std::string_view kCollector =
    R"(# collector.yaml (routes may be left out when there is one output)
version: 1
data_dir: /tmp/x/data
listen: { http: 127.0.0.1:7400 }
inputs:
  agents: { type: agents, listen: 127.0.0.1:7410, token: secret }
outputs:
  store: { type: store }
)";

config::LoadOptions offline() {
    config::LoadOptions options;
    options.check_machine = false;
    options.host_name = "h1";
    return options;
}

config::LoadedConfig<agent::AgentConfig> agent_of(std::string text) {
    return agent::parse_agent_config("/etc/seyir/agent.yaml", std::move(text), offline());
}

config::LoadedConfig<collector::CollectorConfig> collector_of(std::string text) {
    return collector::parse_collector_config(
        "/etc/seyir/collector.yaml", std::move(text), offline()
    );
}

}  // namespace

TEST_SUITE("agent/app/agent_config") {
    TEST_CASE("the shortest agent configuration reads with every default") {
        const auto loaded = agent_of(std::string(kAgent));
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        const agent::AgentConfig& a = *loaded.config;
        CHECK(loaded.diagnostics.to_text() == "");
        CHECK(a.state_dir == "/tmp/x/agent");
        CHECK(a.listen.http == config::Address{"127.0.0.1", 7420});
        CHECK(a.listen.admin_path == "/tmp/x/agent/admin.sock");
        CHECK(a.host_metrics.enabled);
        CHECK(a.host_metrics.interval == std::chrono::seconds(15));
        REQUIRE(a.tails.size() == 1);
        const agent::input::TailOptions& tail = a.tails[0];
        CHECK(tail.id == "app");
        CHECK(tail.include == std::vector<std::string>{"/tmp/x/logs/*.log"});
        CHECK(tail.max_line_bytes == kMiB);
        CHECK(tail.over_long == agent::input::OverLong::kSplit);
        CHECK(tail.rescan_interval == std::chrono::seconds(1));
        CHECK(
            tail.labels->to_text() == R"({env="test", host="h1", input="app", service_name="app"})"
        );
        REQUIRE(a.outputs.size() == 1);
        const auto& central = std::get<agent::ship::CollectorOutputOptions>(a.outputs[0].options);
        CHECK(central.endpoints == std::vector<config::Address>{{"127.0.0.1", 7410}});
        CHECK(central.token == "secret");
        CHECK_FALSE(central.tls.is_on);
        CHECK(central.compression == agent::ship::Compression::kLz4);
        REQUIRE(a.routes.size() == 1);
        CHECK(a.routes[0].from == std::vector<std::string>{"app"});
        CHECK(a.routes[0].to == std::vector<std::string>{"central"});
    }
}

TEST_SUITE("collector/app/collector_config") {
    TEST_CASE("the shortest collector configuration reads with every default") {
        const auto loaded = collector_of(std::string(kCollector));
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        const collector::CollectorConfig& c = *loaded.config;
        CHECK(c.data_dir == "/tmp/x/data");
        CHECK(c.listen.admin_path == "/tmp/x/data/admin.sock");
        REQUIRE(c.inputs.size() == 1);
        const auto& agents = std::get<collector::input::AgentsOptions>(c.inputs[0].options);
        CHECK(agents.listen == config::Address{"127.0.0.1", 7410});
        REQUIRE(agents.tokens.size() == 1);
        CHECK(agents.tokens[0].token == "secret");
        CHECK(agents.frame_bytes_max == 4 * kMiB);
        const auto& store = std::get<store::StoreOptions>(c.outputs[0].options);
        CHECK(store.retention == std::chrono::hours(90 * 24));
        CHECK(c.routes[0].to == std::vector<std::string>{"store"});
    }
}

// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <doctest/doctest.h>

#include "agent/app/agent_config.hpp"
#include "agent/app/collector_output_type.hpp"
#include "agent/input/tail_type.hpp"
#include "collector/app/collector_config.hpp"
#include "collector/app/limits.hpp"
#include "collector/store/rocks_store.hpp"
#include "test/support/temp_dir.hpp"

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
    options.reads_conf_d = false;
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

const agent::input::TailOptions& tail_of(const agent::AgentConfig& agent, size_t i) {
    return dynamic_cast<const agent::input::TailPlan&>(*agent.pipeline.inputs.at(i).plan).options();
}

const ship::CollectorOutputOptions& central_of(const agent::AgentConfig& agent) {
    return dynamic_cast<const agent::CollectorPlan&>(*agent.pipeline.outputs.at(0).plan).options();
}

}  // namespace

TEST_SUITE("agent/app/agent_config") {
    TEST_CASE("the shortest agent configuration reads with every default") {
        const auto loaded = agent_of(std::string(kAgent));
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        const agent::AgentConfig& a = *loaded.config;
        CHECK(loaded.diagnostics.to_text() == "");
        CHECK(a.home == "/tmp/x/agent");
        CHECK(a.listen.http == config::Address{"127.0.0.1", 7420});
        CHECK(a.listen.admin_path == "/tmp/x/agent/admin.sock");
        CHECK(a.host_metrics.enabled);
        CHECK(a.host_metrics.interval == std::chrono::seconds(15));
        REQUIRE(a.pipeline.inputs.size() == 1);
        const agent::input::TailOptions& tail = tail_of(a, 0);
        CHECK(tail.id == "app");
        CHECK(tail.include == std::vector<std::string>{"/tmp/x/logs/*.log"});
        CHECK(tail.max_line_bytes == kMiB);
        CHECK(tail.over_long == agent::input::OverLong::kSplit);
        CHECK(tail.rescan_interval == std::chrono::seconds(1));
        CHECK(
            tail.labels->to_text() == R"({env="test", host="h1", input="app", service_name="app"})"
        );
        REQUIRE(a.pipeline.outputs.size() == 1);
        const ship::CollectorOutputOptions& central = central_of(a);
        CHECK(central.endpoints == std::vector<config::Address>{{"127.0.0.1", 7410}});
        CHECK(central.token == "secret");
        CHECK_FALSE(central.tls.is_on);
        CHECK(central.compression == ship::Compression::kLz4);
        REQUIRE(a.pipeline.routes.size() == 1);
        CHECK(a.pipeline.routes[0].options.from == std::vector<std::string>{"app"});
        CHECK(a.pipeline.routes[0].options.to == std::vector<std::string>{"central"});
    }

    TEST_CASE("a tail input is another one when the top-level labels change") {
        const auto print = [](std::string_view labels) {
            std::string text(kAgent);
            const size_t at = text.find("labels:");
            REQUIRE(at != std::string::npos);
            text.replace(at, text.find('\n', at) - at, labels);
            const auto loaded = agent_of(text);
            REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
            return loaded.config->pipeline.inputs.at(0).fingerprint;
        };
        CHECK(print("labels: { env: a }") == print("labels: { env: a }  # the same"));
        CHECK(print("labels: { env: a }") != print("labels: { env: b }"));
    }
}

TEST_SUITE("collector/app/collector_config") {
    TEST_CASE("an input is another one when what it takes from the top level changes") {
        const auto prints = [](const std::string& top) {
            const auto loaded = collector_of(
                "version: 1\n" + top +
                "inputs:\n"
                "  agents: { type: agents, listen: 127.0.0.1:0, token: secret }\n"
                "  web: { type: http }\n"
                "outputs: { store: { type: store } }\n"
            );
            REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
            std::vector<std::string> out;
            for (const component::PlannedInput& input : loaded.config->pipeline.inputs) {
                out.push_back(input.fingerprint);
            }
            REQUIRE(out.size() == 2);
            return out;
        };
        const auto plain = prints("");
        CHECK(prints("log: { level: debug }\n") == plain);
        const auto guarded =
            prints("tokens: [{ name: a, token: abcdefghijklmnop, scopes: [ingest] }]\n");
        CHECK(guarded[0] != plain[0]);  // it lets agents in
        CHECK(guarded[1] == plain[1]);  // the server guards it
    }

    TEST_CASE("what is staged at most follows the memory to plan with") {
        const auto staged = [](uint64_t memory_bytes) {
            store::RocksStoreOptions options;
            collector::apply_limits({.memory_bytes = memory_bytes}, options);
            CHECK(options.seal_bytes <= options.stage_budget_bytes / 2);
            return options.stage_budget_bytes;
        };
        CHECK(staged(256 * kMiB) == 128 * kMiB);
        CHECK(staged(512 * kMiB) == 256 * kMiB);
        CHECK(staged(kGiB) == store::RocksStoreOptions{}.stage_budget_bytes);
        CHECK(staged(64 * kGiB) == store::RocksStoreOptions{}.stage_budget_bytes);
        // As the program puts it together, with what the store's own key says.
        const auto opened = [](uint64_t memory_bytes, uint64_t stage_bytes_max) {
            collector::CollectorConfig config;
            config.limits.memory_bytes = memory_bytes;
            config.store.stage_bytes_max = stage_bytes_max;
            store::RocksStoreOptions options;
            collector::apply_stage_limits(config, options);
            return options.stage_budget_bytes;
        };
        CHECK(opened(256 * kMiB, 512 * kMiB) == 128 * kMiB);
        CHECK(opened(kGiB, 512 * kMiB) == 512 * kMiB);
        CHECK(opened(kGiB, 768 * kMiB) == 768 * kMiB);
        CHECK(opened(kGiB, kMiB) >= store::RocksStoreOptions{}.seal_bytes);
    }

    TEST_CASE("the shortest collector configuration reads with every default") {
        const auto loaded = collector_of(std::string(kCollector));
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        const collector::CollectorConfig& c = *loaded.config;
        CHECK(c.home == "/tmp/x/data");
        CHECK(c.listen.admin_path == "/tmp/x/data/admin.sock");
        REQUIRE(c.pipeline.inputs.size() == 1);
        const auto listeners = c.pipeline.inputs[0].plan->listeners();
        REQUIRE(listeners.size() == 1);
        CHECK(listeners[0].address == config::Address{"127.0.0.1", 7410});
        CHECK(listeners[0].has_tokens);
        CHECK(c.store.retention == std::chrono::hours(90 * 24));
        CHECK(c.pipeline.routes[0].options.to == std::vector<std::string>{"store"});
    }
}

TEST_SUITE("agent/input/tail_schema") {
    TEST_CASE("relative patterns start beside the file, a name alone is excluded anywhere") {
        const auto loaded = agent::parse_agent_config(
            "/etc/seyir/conf/../agent.yaml",
            "version: 1\noutputs: { o: { type: stdout } }\n"
            "inputs: { a: { type: tail, include: ../../logs/./*.log, exclude: ['*.gz', old/*], "
            "start_at: end } }\n",
            offline()
        );
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        const auto& tail = tail_of(*loaded.config, 0);
        CHECK(tail.include == std::vector<std::string>{"/logs/*.log"});
        CHECK(tail.exclude == std::vector<std::string>{"/**/*.gz", "/etc/seyir/old/*"});
        CHECK(tail.start_at == agent::input::StartAt::kEnd);
    }
}

TEST_SUITE("common/config/loader") {
    TEST_CASE("a missing file, a missing certificate and a missing credential are named") {
        const auto missing = agent::load_agent_config("/nonexistent/agent.yaml");
        CHECK_FALSE(missing.ok());
        CHECK(missing.diagnostics.to_text().find("E0100") != std::string::npos);
        CHECK(missing.diagnostics.to_text().find("/nonexistent/agent.yaml") != std::string::npos);
        config::LoadOptions online;
        const auto loaded = collector::parse_collector_config(
            "/etc/seyir/collector.yaml",
            "version: 1\ntls: { cert: /nonexistent/c.pem, key: ../k.pem }\noutputs: { s: { type: "
            "store } }\n",
            online
        );
        const std::string text = loaded.diagnostics.to_text();
        CHECK_FALSE(loaded.ok());
        CHECK(text.find("E0509") != std::string::npos);
        CHECK(text.find("/nonexistent/c.pem") != std::string::npos);
        CHECK(text.find("/etc/k.pem") != std::string::npos);
        CHECK(loaded.diagnostics.to_error().code == ErrorCode::kInvalidConfig);
        CHECK(collector_of("version: 1\ntls: { cert: /nonexistent/c.pem, key: /k }\noutputs: { s: "
                           "{ type: store } }\n")
                  .ok());
    }

    TEST_CASE("a token file that is missing or empty is pointed at before the agent starts") {
        const test::TempDir dir;
        const auto with = [](const std::string& file, const config::LoadOptions& options) {
            return agent::parse_agent_config(
                "/etc/seyir/agent.yaml",
                "version: 1\noutputs:\n  central:\n    type: collector\n"
                "    endpoints: ['127.0.0.1:6363']\n    token_file: " +
                    file + "\n",
                options
            );
        };
        const config::LoadOptions online;
        std::ofstream(dir.path() + "/empty") << "\n";
        std::ofstream(dir.path() + "/token") << "secret\n";
        for (const std::string file : {"/nonexistent/token", "/empty"}) {
            const std::string path = file == "/empty" ? dir.path() + file : file;
            const auto loaded = with(path, online);
            CHECK_FALSE(loaded.ok());
            const std::string text = loaded.diagnostics.to_text();
            CHECK(text.find("E0509") != std::string::npos);
            CHECK(text.find(path) != std::string::npos);
            CHECK(text.find("agent.yaml:6:17") != std::string::npos);
            CHECK(text.find("^^^") != std::string::npos);
            CHECK(with(path, offline()).diagnostics.to_text().find("E0509") == std::string::npos);
        }
        const std::string good = with(dir.path() + "/token", online).diagnostics.to_text();
        CHECK(good.find("E0509") == std::string::npos);
    }

    TEST_CASE("files and credentials are read without their last line break and never shown") {
        std::string folder = "/tmp/seyir_config_test_XXXXXX";
        REQUIRE(mkdtemp(folder.data()) != nullptr);
        REQUIRE(
            io::write_file_atomically(io::posix_file_system(), folder + "/tok", "hun\"ter: 2\n\n")
        );
        config::LoadOptions options = offline();
        options.environment = config::Environment{.variable = [&](const std::string& name) {
            return name == "CREDENTIALS_DIRECTORY" ? std::optional(folder) : std::nullopt;
        }};
        const auto loaded = agent::parse_agent_config(
            folder + "/agent.yaml",
            "version: 1\nlabels: { a: \"x${file:tok}\" }\ninputs: { a: { type: tail, include: /a } "
            "}\n"
            "outputs: { o: { type: collector, endpoints: localhost:1, token: '${credential:tok}' } "
            "}\n",
            options
        );
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(central_of(*loaded.config).token == "hun\"ter: 2\n");
        CHECK(loaded.config->labels[0].second == "xhun\"ter: 2\n");
        CHECK(loaded.effective.find("hun") == std::string::npos);
        REQUIRE(io::posix_file_system().remove(folder + "/tok"));
        REQUIRE(io::posix_file_system().remove_directory(folder));
    }

    TEST_CASE("references can be escaped, defaulted and required, and never add keys") {
        config::LoadOptions options = offline();
        options.environment = config::Environment{.variable = [](const std::string& name) {
            return name == "V"   ? std::optional<std::string>("1, b: 2\nc: 3")
                   : name == "E" ? std::optional<std::string>("")
                                 : std::nullopt;
        }};
        const auto loaded = agent::parse_agent_config(
            "a.yaml",
            "version: 1\nlabels: { a: \"$${V} $5 $$\", b: \"${V}\", c: \"${E:-d}${E}${N:-}\", d: "
            "'${V:?x}' }\n"
            "inputs: { a: { type: tail, include: /a } }\noutputs: { o: { type: stdout } }\n",
            options
        );
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(
            loaded.config->labels ==
            config::StringPairs{
                {"a", "${V} $5 $"}, {"b", "1, b: 2\nc: 3"}, {"c", "d"}, {"d", "1, b: 2\nc: 3"}
            }
        );
    }
}

TEST_SUITE("common/config/schema/scalar") {
    TEST_CASE("addresses") {
        for (const std::string_view good :
             {"127.0.0.1:0", "[::1]:7400", "localhost:1", "0.0.0.0:65535"}) {
            CHECK_MESSAGE(config::parse_address(good, true), good);
        }
        for (const std::string_view bad :
             {"7400",
              ":7400",
              "::1:7400",
              "host:7400",
              "127.0.0.1:",
              "127.0.0.1:x",
              "1.2.3:5",
              "127.0.0.1:-1"}) {
            CHECK_MESSAGE(!config::parse_address(bad, true), bad);
        }
        CHECK(config::parse_address("logs.example.org:7410", false)->host == "logs.example.org");
        CHECK_FALSE(config::parse_address("http://x:1", false));
        CHECK_FALSE(config::parse_address("x:0", false));
        CHECK(config::parse_address("[::1]:1", true)->to_text() == "[::1]:1");
        CHECK(config::Address{"127.8.9.1", 1}.is_loopback());
        CHECK(config::Address{"::1", 1}.is_loopback());
        CHECK_FALSE(config::Address{"0.0.0.0", 1}.is_loopback());
        CHECK_FALSE(config::Address{"127.example.org", 1}.is_loopback());
    }

    TEST_CASE("times") {
        CHECK(config::parse_time("1970-01-02")->value == 86'400'000'000'000);
        CHECK(config::parse_time("1970-01-01T03:00:00.25+03:00")->value == 250'000'000);
        for (const std::string_view bad :
             {"",
              "2027",
              "2027-13-01",
              "2027-02-30",
              "2027-01-01T",
              "2027-01-01T25:00:00Z",
              "2027-01-01T00:00:00",
              "2027-01-01T00:00:00.Z",
              "2027-01-01 00:00:00Z"}) {
            CHECK_MESSAGE(!config::parse_time(bad), bad);
        }
    }

    TEST_CASE("whole numbers") {
        CHECK(config::parse_int("1_000_000").value_or(0) == 1'000'000);
        CHECK(config::parse_int("-5").value_or(0) == -5);
        for (const std::string_view bad :
             {"", "_1", "1_", "1__2", "1.5", "0x10", "9223372036854775808", "1e3"}) {
            CHECK_MESSAGE(!config::parse_int(bad), bad);
        }
    }
}

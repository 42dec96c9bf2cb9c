// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_config.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "agent/input/tail/glob.hpp"
#include "agent/input/tail_schema.hpp"
#include "common/base/units.hpp"
#include "common/config/reference/reference.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/ship/collector_output_schema.hpp"
#include "plugins/output/output_schemas.hpp"

namespace seyir::agent {
namespace {

using config::field;
using config::ObjectReader;
using config::Schema;
using config::SectionChecks;
using config::Type;

void add_program(Schema& schema) {
    schema
        .with(field("version", Type::kInt)
                  .required()
                  .describe("Version of the configuration format; this program knows 1.")
                  .show("1"))
        .with(field("state_dir", Type::kPath)
                  .describe("Positions and identity of this agent. One agent at a time may use it.")
                  .or_else("/var/lib/seyir-agent")
                  .elsewhere("Vector", {"data_dir"})
                  .elsewhere("Fluent Bit", {"storage.path", "DB"})
                  .elsewhere("Filebeat", {"path.data"})
                  .elsewhere("promtail", {"positions"}))
        .with(config::listen_field("127.0.0.1:7420", "state_dir"))
        .with(config::object("tls", config::server_tls_schema())
                  .or_else_described("`listen.http` speaks plain HTTP"))
        .with(config::tokens_field())
        .with(config::allow_plaintext_field())
        .with(config::labels_field(
            "Stream labels of everything this agent reads. `host` replaces the host's name."
        ))
        .with(config::log_field())
        .with(config::include_field())
        .with(config::conf_d_field());
}

void add_host_metrics(Schema& schema) {
    Schema metrics(
        "host_metrics",
        "CPU, memory, disks and network of this host on `/metrics`, with node_exporter's names."
    );
    metrics.with(field("enabled", Type::kBool).describe("Sample at all.").or_else("true"))
        .with(field("interval", Type::kDuration)
                  .between(1'000'000'000, 3'600'000'000'000)
                  .describe("Time between samples.")
                  .or_else("15s")
                  .elsewhere("Vector", {"scrape_interval_secs"}));
    schema.with(config::object("host_metrics", std::move(metrics))
                    .elsewhere("other programs", {"node_exporter", "metricbeat"}));
}

void add_pipeline(Schema& schema) {
    schema
        .with(
            config::components("inputs", {&input::tail_schema()})
                .required()
                .between(1, 1000)
                .show("{ app: { type: tail, include: ['/var/log/*.log'] } }")
                .describe("Where records come from, by name. The name is the stream label `input`.")
                .elsewhere("Vector", {"sources"})
                .elsewhere("Filebeat", {"filebeat.inputs"})
                .elsewhere("promtail", {"scrape_configs"})
        )
        .with(config::components("filters", {})
                  .between(0, 1000)
                  .describe("What changes or drops records. This version has no types of filter; "
                            "the map may stand empty.")
                  .or_else("{}")
                  .elsewhere("Vector", {"transforms"})
                  .elsewhere("Filebeat", {"processors"}))
        .with(config::components(
                  "outputs",
                  {&ship::collector_output_schema(),
                   &plugins::file_output_schema(),
                   &plugins::stdout_output_schema(),
                   &plugins::null_output_schema()}
        )
                  .required()
                  .between(1, 100)
                  .describe("Where records go, by name.")
                  .show("{ central: { type: collector, endpoints: ['127.0.0.1:7410'] } }")
                  .elsewhere("Vector", {"sinks"})
                  .elsewhere("promtail", {"clients"}))
        .with(config::routes_field());
}

/// The patterns that can be read; those that cannot are reported.
std::vector<input::Glob> compile_globs(
    const ObjectReader& r,
    std::string_view key,
    const std::vector<std::string>& patterns,
    const SectionChecks& checks
) {
    std::vector<input::Glob> globs;
    for (size_t i = 0; i < patterns.size(); ++i) {
        auto glob = input::Glob::compile(patterns[i]);
        if (glob) {
            globs.push_back(std::move(*glob));
        } else {
            checks.diagnostics.add(
                {.code = config::kBadPath,
                 .at = r.item_span(key, i),
                 .message = glob.error().message}
            );
        }
    }
    return globs;
}

/// `file` outputs must not write what a `tail` input reads.
void check_loops(
    const ObjectReader& root,
    const input::TailOptions& tail,
    const SectionChecks& checks,
    const ObjectReader& r
) {
    const auto include = compile_globs(r, "include", tail.include, checks);
    const auto exclude = compile_globs(r, "exclude", tail.exclude, checks);
    for (const auto& output : root.components("outputs")) {
        if (output.type != "file") {
            continue;
        }
        const std::string path = output.reader.path("path");
        const auto matches = [&](const input::Glob& glob) { return glob.matches(path); };
        if (std::ranges::any_of(include, matches) && std::ranges::none_of(exclude, matches)) {
            checks.diagnostics.add(
                {.code = config::kOutputLoop,
                 .at = output.reader.span("path"),
                 .message = fmt::format(
                     "input `{}` reads what output `{}` writes: an endless loop", tail.id, output.id
                 ),
                 .hint = "write elsewhere, or add it to the input's `exclude`"}
            );
        }
    }
}

class Reader {
  public:
    Reader(const ObjectReader& root, const SectionChecks& checks, std::string host)
        : root_(root), checks_(checks), host_(std::move(host)) {}

    AgentConfig read() {
        AgentConfig agent;
        checks_.version(root_);
        agent.state_dir = root_.path("state_dir");
        agent.listen = config::read_listen(root_, agent.state_dir);
        checks_.admin_path(root_, agent.listen.admin_path);
        agent.tls = config::read_server_tls(root_, "tls");
        checks_.server_tls(root_, "tls");
        agent.tokens = checks_.tokens(root_);
        agent.log = config::read_log(root_);
        agent.labels = root_.pairs("labels");
        agent.host_name = host_;
        for (const auto& [name, value] : agent.labels) {
            agent.host_name = name == "host" ? value : agent.host_name;
        }
        const ObjectReader metrics = root_.nested("host_metrics");
        agent.host_metrics = {metrics.boolean("enabled"), metrics.duration("interval")};
        checks_.listeners({http_listener(agent)});
        read_inputs(agent);
        read_outputs(agent);
        agent.routes = checks_.routes(root_);
        return agent;
    }

  private:
    SectionChecks::Listener http_listener(const AgentConfig& agent) const {
        const ObjectReader listen = root_.nested("listen");
        return {
            .what = "listen.http",
            .address = agent.listen.http,
            .at = listen.node() == nullptr ? config::Span{0, 1} : listen.span("http"),
            .has_tls = agent.tls.is_on(),
            .allows_plaintext = root_.boolean("allow_plaintext"),
            .has_tokens = !agent.tokens.empty(),
            .token_hint = "add `tokens: [{ name: ..., token: ... }]`",
        };
    }

    void read_inputs(AgentConfig& agent) {
        for (const auto& component : root_.components("inputs")) {
            input::TailOptions tail = input::read_tail(component.reader);
            tail.id = component.id;
            check_loops(root_, tail, checks_, component.reader);
            std::map<std::string, std::string> labels = {
                {"host", agent.host_name}, {"service_name", component.id}
            };
            for (const auto& [name, value] : agent.labels) {
                labels[name] = value;
            }
            for (const auto& [name, value] : component.reader.pairs("labels")) {
                labels[name] = value;
            }
            if (component.reader.has("service_name")) {
                labels["service_name"] = component.reader.string("service_name");
            }
            labels["input"] = component.id;
            make_labels(tail, {labels.begin(), labels.end()}, component);
            agent.tails.push_back(std::move(tail));
        }
    }

    void make_labels(
        input::TailOptions& tail,
        std::vector<StreamLabels::Pair> pairs,
        const ObjectReader::Component& component
    ) {
        auto made = StreamLabels::make(std::move(pairs));
        if (made) {
            tail.labels = std::move(*made);
        } else if (!checks_.diagnostics.has_errors()) {
            checks_.diagnostics.add(
                {.code = config::kItemCount,
                 .at = component.id_span,
                 .message =
                     fmt::format("labels of input `{}`: {}", component.id, made.error().message),
                 .hint = "top-level `labels` and the input's own count together"}
            );
        }
    }

    void read_outputs(AgentConfig& agent) {
        for (const auto& [id, type, id_span, reader] : root_.components("outputs")) {
            OutputConfig output{.id = id, .options = NullOutputOptions{}};
            if (type == "collector") {
                ship::check_collector_output(reader, checks_);
                output.options = ship::read_collector_output(reader);
            } else if (type == "file") {
                output.options = plugins::read_file_output(reader);
            } else if (type == "stdout") {
                output.options = plugins::read_stdout_output(reader);
            }
            agent.outputs.push_back(std::move(output));
        }
    }

    const ObjectReader& root_;
    const SectionChecks& checks_;
    std::string host_;
};

config::LoadedConfig<AgentConfig> finish(
    config::CheckedDocument checked, const config::LoadOptions& options
) {
    config::LoadedConfig<AgentConfig> loaded{
        .config = std::nullopt, .diagnostics = std::move(checked.diagnostics)
    };
    if (checked.document.root() == nullptr) {
        return loaded;
    }
    const ObjectReader root(checked.document.root(), agent_schema(), checked.context);
    const SectionChecks checks{
        .files = options.check_machine ? options.files : nullptr,
        .diagnostics = loaded.diagnostics,
        .check_match = [](std::string_view text) -> std::optional<Error> {
            auto matcher = logql::RouteMatcher::compile(text);
            return matcher ? std::nullopt : std::optional(std::move(matcher).error());
        },
    };
    AgentConfig agent = Reader(root, checks, config::host_name(options)).read();
    if (!loaded.diagnostics.has_errors()) {
        loaded.config = std::move(agent);
        loaded.effective = config::effective_yaml(checked.document, agent_schema());
    }
    return loaded;
}

}  // namespace

const config::Schema& agent_schema() {
    static const Schema schema = [] {
        Schema agent("agent", "seyir-agent: reads the logs of a host and sends them on.");
        add_program(agent);
        add_host_metrics(agent);
        add_pipeline(agent);
        return agent;
    }();
    return schema;
}

config::LoadedConfig<AgentConfig> load_agent_config(
    const std::string& path, const config::LoadOptions& options
) {
    return finish(config::load_document(path, agent_schema(), options), options);
}

config::LoadedConfig<AgentConfig> parse_agent_config(
    std::string name, std::string text, const config::LoadOptions& options
) {
    return finish(config::load_document(name, agent_schema(), options, std::move(text)), options);
}

}  // namespace seyir::agent

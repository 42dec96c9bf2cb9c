// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector_config.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "collector/input/input_schemas.hpp"
#include "collector/store/store_schema.hpp"
#include "common/config/reference/reference.hpp"
#include "common/logql/route_matcher.hpp"
#include "plugins/output/output_schemas.hpp"

namespace seyir::collector {
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
        .with(field("data_dir", Type::kPath)
                  .describe("All that is stored. One collector at a time may use it.")
                  .or_else("/var/lib/seyir-collector")
                  .elsewhere("Loki", {"path_prefix", "common"})
                  .elsewhere("VictoriaLogs", {"storageDataPath"})
                  .elsewhere("other programs", {"state_dir", "storage_path"}))
        .with(config::listen_field("127.0.0.1:7400", "data_dir"))
        .with(config::object("tls", config::server_tls_schema())
                  .describe("For `listen.http`, and for inputs that give no `tls` of their own.")
                  .or_else_described("`listen.http` speaks plain HTTP"))
        .with(config::tokens_field())
        .with(config::allow_plaintext_field())
        .with(config::log_field())
        .with(config::include_field())
        .with(config::conf_d_field());
}

void add_pipeline(Schema& schema) {
    schema
        .with(config::components("inputs", {&input::agents_schema(), &input::loki_schema()})
                  .between(0, 1000)
                  .describe("Where records come from, by name.")
                  .or_else("{}")
                  .elsewhere("Vector", {"sources"})
                  .elsewhere("OpenTelemetry", {"receivers"}))
        .with(config::components("filters", {})
                  .between(0, 1000)
                  .describe("What changes or drops records. This version has no types of filter; "
                            "the map may stand empty.")
                  .or_else("{}")
                  .elsewhere("Vector", {"transforms"})
                  .elsewhere("OpenTelemetry", {"processors"}))
        .with(config::components(
                  "outputs",
                  {&store::store_schema(),
                   &plugins::file_output_schema(),
                   &plugins::stdout_output_schema(),
                   &plugins::null_output_schema()}
        )
                  .required()
                  .between(1, 100)
                  .describe("Where records go, by name.")
                  .show("{ store: { type: store } }")
                  .elsewhere("Vector", {"sinks"})
                  .elsewhere("OpenTelemetry", {"exporters"}))
        .with(config::routes_field());
}

class Reader {
  public:
    Reader(const ObjectReader& root, const SectionChecks& checks) : root_(root), checks_(checks) {}

    CollectorConfig read() {
        CollectorConfig collector;
        checks_.version(root_);
        collector.data_dir = root_.path("data_dir");
        collector.listen = config::read_listen(root_, collector.data_dir);
        checks_.admin_path(root_, collector.listen.admin_path);
        collector.tls = config::read_server_tls(root_, "tls");
        checks_.server_tls(root_, "tls");
        collector.tokens = checks_.tokens(root_);
        collector.log = config::read_log(root_);
        add_http_listener(collector);
        read_inputs(collector);
        checks_.listeners(listeners_);
        read_outputs(collector);
        collector.routes = checks_.routes(root_);
        return collector;
    }

  private:
    void add_http_listener(const CollectorConfig& collector) {
        const ObjectReader listen = root_.nested("listen");
        listeners_.push_back({
            .what = "listen.http",
            .address = collector.listen.http,
            .at = listen.node() == nullptr ? config::Span{0, 1} : listen.span("http"),
            .has_tls = collector.tls.is_on(),
            .allows_plaintext = root_.boolean("allow_plaintext"),
            .has_tokens = !collector.tokens.empty(),
            .token_hint = "add `tokens: [{ name: ..., token: ... }]`",
        });
    }

    void read_inputs(CollectorConfig& collector) {
        for (const auto& [id, type, id_span, reader] : root_.components("inputs")) {
            if (type == "agents") {
                collector.inputs.push_back({id, read_agents(collector, id, reader)});
                continue;
            }
            input::LokiOptions loki = input::read_loki(reader);
            loki.id = id;
            collector.inputs.push_back({id, std::move(loki)});
            if (!collector.listen.http && !checks_.diagnostics.is_broken(root_.span("listen"))) {
                checks_.diagnostics.add(
                    {.code = config::kMissingKey,
                     .at = id_span,
                     .message = fmt::format("input `{}` needs `listen.http`, which is off", id),
                     .hint = "give `listen.http` an address"}
                );
            }
        }
    }

    input::AgentsOptions read_agents(
        const CollectorConfig& collector, const std::string& id, const ObjectReader& r
    ) {
        input::AgentsOptions agents = input::read_agents(r);
        agents.id = id;
        checks_.server_tls(r, "tls");
        if (!agents.tokens.empty()) {
            agents.tokens[0].name = id;
        }
        std::ranges::copy_if(
            collector.tokens, std::back_inserter(agents.tokens), &config::TokenOptions::may_ingest
        );
        agents.tls = agents.tls.is_on() ? agents.tls : collector.tls;
        listeners_.push_back({
            .what = fmt::format("inputs.{}.listen", id),
            .address = r.address("listen"),
            .at = r.span("listen"),
            .has_tls = agents.tls.is_on(),
            .allows_plaintext = r.has("allow_plaintext") ? r.boolean("allow_plaintext")
                                                         : root_.boolean("allow_plaintext"),
            .has_tokens = !agents.tokens.empty() || !agents.tls.client_ca.empty(),
            .token_hint = "add `token`, or `tls: { client_ca: ... }`",
        });
        return agents;
    }

    void read_outputs(CollectorConfig& collector) {
        bool has_store = false;
        for (const auto& [id, type, id_span, reader] : root_.components("outputs")) {
            OutputConfig output{.id = id, .options = NullOutputOptions{}};
            if (type == "store") {
                output.options = store::read_store(reader);
                store::check_store(reader, checks_.diagnostics);
                if (has_store) {
                    checks_.diagnostics.add(
                        {.code = config::kItemCount,
                         .at = id_span,
                         .message = "a second `store` output: `data_dir` holds one store",
                         .hint = "remove one of them"}
                    );
                }
                has_store = true;
            } else if (type == "file") {
                output.options = plugins::read_file_output(reader);
            } else if (type == "stdout") {
                output.options = plugins::read_stdout_output(reader);
            }
            collector.outputs.push_back(std::move(output));
        }
    }

    const ObjectReader& root_;
    const SectionChecks& checks_;
    std::vector<SectionChecks::Listener> listeners_;
};

config::LoadedConfig<CollectorConfig> finish(
    config::CheckedDocument checked, const config::LoadOptions& options
) {
    config::LoadedConfig<CollectorConfig> loaded{
        .config = std::nullopt, .diagnostics = std::move(checked.diagnostics)
    };
    if (checked.document.root() == nullptr) {
        return loaded;
    }
    const ObjectReader root(checked.document.root(), collector_schema(), checked.context);
    const SectionChecks checks{
        .files = options.check_machine ? options.files : nullptr,
        .diagnostics = loaded.diagnostics,
        .check_match = [](std::string_view text) -> std::optional<Error> {
            auto matcher = logql::RouteMatcher::compile(text);
            return matcher ? std::nullopt : std::optional(std::move(matcher).error());
        },
    };
    CollectorConfig collector = Reader(root, checks).read();
    if (!loaded.diagnostics.has_errors()) {
        loaded.config = std::move(collector);
        loaded.effective = config::effective_yaml(checked.document, collector_schema());
    }
    return loaded;
}

}  // namespace

const config::Schema& collector_schema() {
    static const Schema schema = [] {
        Schema collector(
            "collector", "seyir-collector: takes records, stores them and answers queries."
        );
        add_program(collector);
        add_pipeline(collector);
        return collector;
    }();
    return schema;
}

config::LoadedConfig<CollectorConfig> load_collector_config(
    const std::string& path, const config::LoadOptions& options
) {
    return finish(config::load_document(path, collector_schema(), options), options);
}

config::LoadedConfig<CollectorConfig> parse_collector_config(
    std::string name, std::string text, const config::LoadOptions& options
) {
    return finish(
        config::load_document(name, collector_schema(), options, std::move(text)), options
    );
}

}  // namespace seyir::collector

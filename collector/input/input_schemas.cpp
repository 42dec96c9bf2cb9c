// SPDX-License-Identifier: Apache-2.0
#include "collector/input/input_schemas.hpp"

namespace seyir::collector::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

}  // namespace

const config::Schema& agents_schema() {
    static const Schema schema =
        Schema("agents", "Takes records from seyir-agent and acknowledges them once they are safe.")
            .example_id("agents")
            .elsewhere("Vector", {"vector"})
            .elsewhere("Fluent Bit", {"forward"})
            .elsewhere("Filebeat", {"beats", "logstash"})
            .with(field("listen", Type::kListen)
                      .required()
                      .describe("Address and port.")
                      .show("127.0.0.1:7410")
                      .elsewhere("Vector", {"address"})
                      .elsewhere("Fluent Bit", {"Port"})
                      .elsewhere("other programs", {"bind", "host", "endpoint"}))
            .with(field("token", Type::kSecret)
                      .describe(
                          "What agents must show. Top-level `tokens` with scope `ingest` work too."
                      )
                      .show("\"${credential:agents_token}\"")
                      .elsewhere("Fluent Bit", {"Shared_Key"})
                      .elsewhere("other programs", {"api_key", "auth", "password"}))
            .with(
                field("join", Type::kBool)
                    .describe(
                        "Lets in agents that joined with a one-time token (`seyir token create`); "
                        "then nobody without a token."
                    )
                    .or_else("false")
            )
            .with(config::object("tls", config::server_tls_schema())
                      .or_else_described("the top-level `tls`")
                      .elsewhere("Filebeat", {"ssl"}))
            .with(field("allow_plaintext", Type::kBool)
                      .describe("Permits listening beyond this machine without TLS.")
                      .or_else_described("the top-level `allow_plaintext`")
                      .show("false")
                      .elsewhere("other programs", {"insecure"}))
            .with(field("max_connections", Type::kInt)
                      .between(1, 1'000'000)
                      .describe("Connections beyond this are closed at once; one peer may hold "
                                "half of them.")
                      .or_else("10000")
                      .elsewhere("Vector", {"connection_limit"}))
            .with(field("frame_bytes_max", Type::kBytes)
                      .between(64 * kKiB, 64 * kMiB)
                      .describe("The largest frame; a larger one closes the connection.")
                      .or_else("4MiB")
                      .elsewhere("other programs", {"max_frame", "buffer_max_size"}));
    return schema;
}

const config::Schema& loki_schema() {
    static const Schema schema =
        Schema(
            "loki", "Loki's push API (`/loki/api/v1/push`) on `listen.http`, guarded by its tokens."
        )
            .example_id("loki")
            .elsewhere("promtail", {"push"})
            .with(config::labels_field("Stream labels added where a stream lacks them."));
    return schema;
}

AgentsOptions read_agents(const config::ObjectReader& r) {
    AgentsOptions options;
    options.listen = r.address("listen").value_or(config::Address{});
    if (r.has("token")) {
        options.tokens.push_back({.token = r.string("token"), .may_ingest = true});
    }
    options.may_join = r.boolean("join");
    options.tls = config::read_server_tls(r, "tls");
    options.connections_max = static_cast<uint32_t>(r.integer("max_connections"));
    options.frame_bytes_max = r.bytes("frame_bytes_max");
    return options;
}

LokiOptions read_loki(const config::ObjectReader& r) {
    return {.labels = r.pairs("labels")};
}

}  // namespace seyir::collector::input

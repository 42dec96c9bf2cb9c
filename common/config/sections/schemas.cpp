// SPDX-License-Identifier: Apache-2.0
#include "common/config/sections/sections.hpp"

namespace seyir::config {

Schema server_tls_schema() {
    Schema schema(
        "tls", "Certificate of a listener. The files are PEM and read again when they change."
    );
    schema
        .with(field("cert", Type::kPath)
                  .required()
                  .describe("Certificate, leaf first, then its chain.")
                  .show("/etc/seyir/tls.crt")
                  .elsewhere("Vector", {"crt_file"})
                  .elsewhere("Fluent Bit", {"tls.crt_file"})
                  .elsewhere("Loki", {"cert_file", "certificate"}))
        .with(field("key", Type::kPath)
                  .required()
                  .describe("Private key of the certificate.")
                  .show("/etc/seyir/tls.key")
                  .elsewhere("Vector", {"key_file"})
                  .elsewhere("Fluent Bit", {"tls.key_file"}))
        .with(field("client_ca", Type::kPath)
                  .describe("Clients must show a certificate that one of these authorities signed.")
                  .or_else_described("clients need no certificate")
                  .show("/etc/seyir/clients-ca.crt")
                  .elsewhere("Vector", {"ca_file"})
                  .elsewhere("Loki", {"client_ca_file", "ca"}));
    return schema;
}

Schema client_tls_schema() {
    Schema schema("tls", "TLS towards the server. `tls: {}` is on, with the system's authorities.");
    schema
        .with(field("ca", Type::kPath)
                  .describe("Authorities that may have signed the server's certificate.")
                  .or_else_described("the system's")
                  .show("/etc/seyir/ca.crt")
                  .elsewhere("Vector", {"ca_file"})
                  .elsewhere("Fluent Bit", {"tls.ca_file"})
                  .elsewhere("Filebeat", {"certificate_authorities"}))
        .with(field("cert", Type::kPath)
                  .describe("This host's certificate, for collectors that ask for one.")
                  .show("/etc/seyir/agent.crt")
                  .elsewhere("Vector", {"crt_file"})
                  .elsewhere("Fluent Bit", {"tls.crt_file"})
                  .elsewhere("Filebeat", {"certificate"}))
        .with(field("key", Type::kPath)
                  .describe("Private key of `cert`.")
                  .show("/etc/seyir/agent.key")
                  .elsewhere("Vector", {"key_file"})
                  .elsewhere("Fluent Bit", {"tls.key_file"}))
        .with(field("server_name", Type::kString)
                  .between(1, 253)
                  .describe("Name the server's certificate must have.")
                  .or_else_described("the endpoint's host")
                  .show("logs.example.org")
                  .elsewhere("Fluent Bit", {"tls.vhost"}));
    return schema;
}

Field tokens_field() {
    Schema token("token", "One credential of a client.");
    token
        .with(field("name", Type::kString)
                  .required()
                  .between(1, 128)
                  .describe("Shown in logs and in `seyir status`, never secret.")
                  .show("grafana"))
        .with(field("token", Type::kSecret)
                  .describe("The secret itself; better a reference than the text.")
                  .show("\"${credential:grafana_token}\""))
        .with(field("hash", Type::kString)
                  .between(71, 71)
                  .describe(
                      "Instead of `token`: `sha256:` and the 64 hex digits of the secret's SHA-256."
                  )
                  .show("sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"))
        .with(list_of(
                  "scopes",
                  field("", Type::kEnum)
                      .choice("ingest", "push records")
                      .choice("read", "query")
                      .choice("admin", "change and delete")
        )
                  .between(1, 3)
                  .describe("What the token may do.")
                  .or_else("[ingest, read]")
                  .elsewhere("other programs", {"scope", "permissions", "roles"}))
        .with(field("tenant", Type::kInt)
                  .between(0, 4294967295)
                  .describe("The tenant its records and queries belong to.")
                  .or_else("0"))
        .with(field("expires", Type::kTime)
                  .describe("From then on it is refused.")
                  .or_else_described("never")
                  .show("2027-12-31")
                  .elsewhere("other programs", {"expiry", "valid_until", "expires_at"}));
    return list_of("tokens", object("", std::move(token)))
        .between(0, 1000)
        .describe(
            "Credentials for `listen.http` and for `agents` inputs. On loopback, none are needed "
            "while the list is empty."
        )
        .or_else("[]")
        .elsewhere("other programs", {"auth", "basic_auth", "api_keys", "users"});
}

Field labels_field(std::string help) {
    return map_of(
               "labels", KeyRule::kLabel, field("", Type::kString).between(0, 2048).may_be_empty()
    )
        .between(0, 29)
        .describe(std::move(help))
        .or_else("{}")
        .show("{ env: prod }")
        .elsewhere("Fluent Bit", {"label_keys"})
        .elsewhere("Filebeat", {"fields", "tags"})
        .elsewhere("promtail", {"external_labels"});
}

Field listen_field(std::string default_http, const std::string& home_key) {
    Schema listen("listen", "Where the program can be reached.");
    listen
        .with(field("http", Type::kListen)
                  .may_be_off()
                  .describe("HTTP: health, metrics, and on the collector queries and pushes. `off` "
                            "opens no port.")
                  .or_else(std::move(default_http))
                  .elsewhere("Loki", {"http_listen_address", "http_listen_port"})
                  .elsewhere("Vector", {"address"})
                  .elsewhere("Fluent Bit", {"HTTP_Listen", "HTTP_Port"}))
        .with(field("admin", Type::kPath)
                  .describe(
                      "Unix socket for `seyir status` and the like; only its owner may open it."
                  )
                  .or_else_described("`admin.sock` in `" + home_key + "`")
                  .show("/run/seyir/admin.sock"));
    return object("listen", std::move(listen))
        .show("{ http: 127.0.0.1:7400 }")
        .elsewhere("Loki", {"server"})
        .elsewhere("Vector", {"api"});
}

Field log_field() {
    Schema log("log", "The program's own log, on standard error.");
    log.with(field("level", Type::kEnum)
                 .choice("debug", "everything")
                 .choice("info", "what changes")
                 .choice("warn", "what needs a look")
                 .choice("error", "what failed")
                 .describe("The least important line that is written.")
                 .or_else("info")
                 .elsewhere("Fluent Bit", {"log_level"})
                 .elsewhere("Filebeat", {"logging.level"})
                 .elsewhere("promtail", {"server.log_level"}))
        .with(field("format", Type::kEnum)
                  .choice("text", "for people")
                  .choice("json", "one object a line")
                  .describe("How a line looks.")
                  .or_else("text"));
    return object("log", std::move(log))
        .elsewhere("Filebeat", {"logging"})
        .elsewhere("Fluent Bit", {"log_level", "service"});
}

Field routes_field() {
    Schema route(
        "route",
        "Sends what inputs deliver to outputs. A record goes along every route that matches it."
    );
    route
        .with(field("name", Type::kString)
                  .required()
                  .between(1, 64)
                  .describe("Shown in metrics and messages.")
                  .show("all"))
        .with(list_of("from", field("", Type::kString).between(1, 64))
                  .between(1, 1000)
                  .describe("Inputs, by name; `\"*\"` is all of them.")
                  .or_else("[\"*\"]")
                  .elsewhere("Vector", {"inputs"})
                  .elsewhere("other programs", {"source", "sources", "input"}))
        .with(field("match", Type::kString)
                  .between(0, 64 * 1024)
                  .describe("LogQL that a record must pass: `{env=\"prod\"} |= \"error\"`.")
                  .or_else_described("every record")
                  .show("'{env=\"prod\"} |= \"error\"'")
                  .elsewhere("other programs", {"if", "when", "condition", "where", "filter"}))
        .with(list_of("through", field("", Type::kString).between(1, 64))
                  .between(0, 100)
                  .describe("Filters, by name; a record passes them in this order.")
                  .or_else("[]")
                  .show("[parse]")
                  .elsewhere("promtail", {"pipeline_stages"})
                  .elsewhere("other programs", {"filters", "processors", "transforms", "via"}))
        .with(
            list_of("to", field("", Type::kString).between(1, 64))
                .required()
                .between(1, 100)
                .describe("Outputs, by name.")
                .show("[main]")
                .elsewhere("other programs", {"output", "outputs", "sink", "sinks", "destination"})
        )
        .with(field("required", Type::kBool)
                  .describe(
                      "true: a record counts as delivered once these outputs have it safe. false: "
                      "they get what they can take; the rest is dropped for them and counted."
                  )
                  .or_else("true")
                  .elsewhere("other programs", {"optional", "mandatory"}))
        .with(field("dead_letter", Type::kString)
                  .between(1, 64)
                  .describe(
                      "Output, by name, for records that a filter could not handle or an output of "
                      "this route refused for good, with the reason."
                  )
                  .or_else_described("they are dropped and counted")
                  .show("rejected")
                  .elsewhere("Vector", {"reroute_dropped"})
                  .elsewhere("other programs", {"dlq", "dead_letter_queue", "quarantine"}));
    return list_of("routes", object("", std::move(route)))
        .between(0, 1000)
        .describe("May be left out when there is one output: it then gets everything.")
        .or_else("[]")
        .elsewhere("other programs", {"route", "pipelines", "pipeline"});
}

Field include_field() {
    return list_of("include", field("", Type::kString).between(1, 4095))
        .between(0, 1000)
        .describe(
            "More files of this configuration. The last part of a path may be a pattern "
            "(`extra/*.yaml`). Relative paths start in the directory of the file that names them. "
            "Maps join and lists append; what stands in two files is an error."
        )
        .show("[extra/web.yaml]")
        .or_else_described("none")
        .elsewhere("Fluent Bit", {"includes", "@include"})
        .elsewhere("Filebeat", {"filebeat.config.inputs"})
        .elsewhere("other programs", {"import", "imports", "config_dir"});
}

Field conf_d_field() {
    return field("conf_d", Type::kString)
        .between(1, 4095)
        .describe(
            "Directory whose `*.yaml` files are read after this one, in the order of their names; "
            "`off` reads none. One that is not there is passed over, unless it is named here."
        )
        .or_else_described("the file's name with `.d`: `agent.d` beside `agent.yaml`")
        .show("fragments.d")
        .elsewhere("other programs", {"conf.d", "config_d", "include_dir"});
}

Field allow_plaintext_field() {
    return field("allow_plaintext", Type::kBool)
        .describe(
            "Permits listening beyond this machine without TLS. Tokens are still needed, and cross "
            "the network readable."
        )
        .or_else("false")
        .elsewhere("other programs", {"insecure", "allow_insecure", "plaintext"});
}

}  // namespace seyir::config

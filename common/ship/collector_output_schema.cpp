// SPDX-License-Identifier: Apache-2.0
#include "common/ship/collector_output_schema.hpp"

#include <fmt/format.h>

#include "common/ship/make_setup.hpp"

namespace seyir::ship {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMillisecond;

void add_peer(Schema& schema) {
    schema
        .with(list_of("endpoints", field("", Type::kEndpoint))
                  .required()
                  .between(1, 64)
                  .describe("The collector's `agents` input, host:port. With several, the next is "
                            "tried when one fails.")
                  .show("['127.0.0.1:7410']")
                  .elsewhere("Vector", {"address", "endpoint"})
                  .elsewhere("Fluent Bit", {"Host", "Port", "Upstream"})
                  .elsewhere("Filebeat", {"hosts"})
                  .elsewhere("promtail", {"url"}))
        .with(field("token", Type::kSecret)
                  .describe("Shows the collector who we are; one of its tokens with scope `ingest`."
                  )
                  .show("\"${file:/etc/seyir/agent.token}\"")
                  .elsewhere("Fluent Bit", {"Shared_Key"})
                  .elsewhere("promtail", {"bearer_token"})
                  .elsewhere("other programs", {"api_key", "auth", "password", "bearer"}))
        .with(
            field("token_file", Type::kPath)
                .describe("Instead of `token`: a file that holds it, read for each connection, so "
                          "that a changed token needs no reload.")
                .or_else_described("none")
                .show("/etc/seyir/agent.token")
                .elsewhere("promtail", {"bearer_token_file"})
        )
        .with(config::object("tls", config::client_tls_schema())
                  .or_else_described("plain text, which only works on this machine")
                  .elsewhere("Filebeat", {"ssl"}))
        .with(field("allow_plaintext", Type::kBool)
                  .describe("Permits sending records and the token beyond this machine without TLS."
                  )
                  .or_else("false")
                  .elsewhere("other programs", {"insecure"}));
}

void add_transfer(Schema& schema) {
    Schema retry(
        "retry",
        "Waiting between attempts after a failure; doubles each time, with jitter. Never gives up."
    );
    retry
        .with(field("initial", Type::kDuration)
                  .between(kMillisecond, 60 * kSecond)
                  .describe("The first wait.")
                  .or_else("200ms")
                  .elsewhere("Vector", {"retry_initial_backoff_secs"})
                  .elsewhere("promtail", {"min_period"}))
        .with(field("max", Type::kDuration)
                  .between(kMillisecond, 3600 * kSecond)
                  .describe("The longest wait.")
                  .or_else("30s")
                  .elsewhere("Vector", {"retry_max_duration_secs"})
                  .elsewhere("promtail", {"max_period"}));
    schema
        .with(field("compression", Type::kEnum)
                  .choice("lz4", "little work, good ratio")
                  .choice("zstd", "more work, better ratio, for slow networks")
                  .choice("none", "as it is")
                  .describe("Of the frames on the network.")
                  .or_else("lz4")
                  .elsewhere("Fluent Bit", {"Compress"}))
        .with(field("in_flight_bytes", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Bytes sent and not yet acknowledged; then sending waits.")
                  .or_else("32MiB")
                  .elsewhere("other programs", {"max_in_flight", "queue_size", "buffer"}))
        .with(field("connect_timeout", Type::kDuration)
                  .between(100 * kMillisecond, 600 * kSecond)
                  .describe("For name lookup, connection and TLS together; the greeting has 20 s "
                            "of its own.")
                  .or_else("10s"))
        .with(field("ack_timeout", Type::kDuration)
                  .between(kSecond, 3600 * kSecond)
                  .describe("A frame not answered by then: the connection is made anew and the "
                            "frame sent again.")
                  .or_else("60s")
                  .elsewhere("other programs", {"timeout", "request_timeout"}))
        .with(field("on_ambiguity", Type::kEnum)
                  .choice(
                      "wait",
                      "they wait for that collector, with what comes behind them in "
                      "the same sources; the rest goes to the next"
                  )
                  .choice("resend", "they go to the next: none waits, some may be stored in both")
                  .describe("With several endpoints: what to do with frames that were sent to one "
                            "collector and not answered when only another can be reached. Rows "
                            "sent to both are counted as possible duplicates.")
                  .or_else("wait"))
        .with(config::object("retry", std::move(retry))
                  .elsewhere("promtail", {"backoff_config"})
                  .elsewhere("Filebeat", {"backoff"}));
}

void add_loss_notice(Schema& schema) {
    Schema lost(
        "on_collector_lost",
        "Tells other outputs when no endpoint could be reached for a while, and when one is back."
    );
    lost.with(field("after", Type::kDuration)
                  .between(kSecond, 7 * 86'400 * kSecond)
                  .describe("Without a connection that lasts, or without an answer to what was "
                            "sent, for so "
                            "long.")
                  .or_else("5m")
                  .elsewhere("other programs", {"timeout", "for"}))
        .with(list_of("to", field("", Type::kString).between(1, 64))
                  .required()
                  .between(1, 100)
                  .describe("Outputs that get the notices: mail, slack, a webhook.")
                  .show("[mail]")
                  .elsewhere("other programs", {"notify", "receivers", "outputs"}));
    schema.with(config::object("on_collector_lost", std::move(lost))
                    .or_else_described("nobody is told by this program"));
}

}  // namespace

const config::Schema& collector_output_schema() {
    static const Schema schema = [] {
        Schema collector(
            "collector", "Sends to a seyir-collector; what it acknowledges is safe on its disk."
        );
        collector.example_id("central")
            .elsewhere("Vector", {"vector"})
            .elsewhere("Fluent Bit", {"forward"})
            .elsewhere("Filebeat", {"logstash", "elasticsearch"})
            .elsewhere("promtail", {"loki"});
        add_peer(collector);
        add_transfer(collector);
        add_loss_notice(collector);
        return collector;
    }();
    return schema;
}

namespace {

void check_token_file(const config::ObjectReader& r, const config::SectionChecks& checks) {
    if (checks.files == nullptr || !r.has("token_file") ||
        checks.diagnostics.is_broken(r.span("token_file"))) {
        return;
    }
    if (const auto token = read_token_file(*checks.files, r.path("token_file")); !token) {
        checks.diagnostics.add(
            {.code = config::kMissingFile,
             .at = r.span("token_file"),
             .message = token.error().message,
             .hint = "this file must exist, be readable and hold the token"}
        );
    }
}

}  // namespace

CollectorOutputOptions read_collector_output(const config::ObjectReader& r) {
    CollectorOutputOptions options;
    options.endpoints = r.addresses("endpoints");
    options.token = r.string("token");
    options.token_file = r.path("token_file");
    options.tls = config::read_client_tls(r, "tls");
    options.compression = r.choice<Compression>(
        "compression",
        {{"lz4", Compression::kLz4}, {"zstd", Compression::kZstd}, {"none", Compression::kNone}}
    );
    options.in_flight_bytes_max = r.bytes("in_flight_bytes");
    options.connect_timeout = r.duration("connect_timeout");
    options.ack_timeout = r.duration("ack_timeout");
    options.on_ambiguity = r.choice<OnAmbiguity>(
        "on_ambiguity", {{"wait", OnAmbiguity::kWait}, {"resend", OnAmbiguity::kResend}}
    );
    const config::ObjectReader retry = r.nested("retry");
    options.retry_initial = retry.duration("initial");
    options.retry_max = retry.duration("max");
    if (r.has("on_collector_lost")) {
        const config::ObjectReader lost = r.nested("on_collector_lost");
        options.lost_after = lost.duration("after");
        const std::vector<std::string> to = lost.strings("to");
        for (size_t i = 0; i < to.size(); ++i) {
            options.lost_to.push_back({to[i], lost.item_span("to", i)});
        }
    }
    return options;
}

void check_collector_output(const config::ObjectReader& r, const config::SectionChecks& checks) {
    const CollectorOutputOptions options = read_collector_output(r);
    checks.client_tls(r, "tls");
    if (r.has("token") && r.has("token_file")) {
        checks.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("token_file"),
             .message = "`token` and `token_file` are both given",
             .hint = "remove one of them"}
        );
    }
    check_token_file(r, checks);
    const config::ObjectReader retry = r.nested("retry");
    if (options.retry_initial > options.retry_max) {
        const std::string_view key = retry.has("initial") ? "initial" : "max";
        checks.diagnostics.add(
            {.code = config::kOrder,
             .at = retry.span(key),
             .message = fmt::format(
                 "`retry.initial` ({}) is longer than `retry.max` ({})",
                 format_duration(options.retry_initial),
                 format_duration(options.retry_max)
             ),
             .hint = "make `max` the longer one"}
        );
    }
    if (options.tls.is_on || r.boolean("allow_plaintext")) {
        return;
    }
    for (const config::Address& endpoint : options.endpoints) {
        if (!endpoint.is_loopback()) {
            checks.diagnostics.add(
                {.code = config::kNeedsTls,
                 .at = r.span("endpoints"),
                 .message = fmt::format(
                     "`{}` is beyond this machine, and `tls` is not set", endpoint.to_text()
                 ),
                 .hint = "add `tls: {}` (system authorities) or `tls: { ca: ... }`",
                 .notes = {"`allow_plaintext: true` permits it on a network you trust"}}
            );
            return;
        }
    }
}

}  // namespace seyir::ship

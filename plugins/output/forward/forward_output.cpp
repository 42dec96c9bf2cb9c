// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/forward/forward_output.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/buffer/options.hpp"

namespace seyir::plugins::forward {
namespace {

using component::PlanContext;
using config::field;
using config::ObjectReader;
using config::Schema;
using config::Type;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMillisecond;

void add_peer(Schema& schema) {
    schema
        .with(list_of("endpoints", field("", Type::kEndpoint))
                  .required()
                  .between(1, 64)
                  .describe("The server, host:port. With several, the next is tried when one fails."
                  )
                  .show("['127.0.0.1:24224']")
                  .elsewhere("Fluent Bit", {"Host", "Port", "Upstream"})
                  .elsewhere("Fluentd", {"server", "host", "port"})
                  .elsewhere("Vector", {"address"}))
        .with(field("shared_key", Type::kSecret)
                  .describe("What the server asks for; it is proved, never sent.")
                  .or_else_described("the server asks for none")
                  .show("\"${credential:forward_key}\"")
                  .elsewhere("Fluent Bit", {"Shared_Key"})
                  .elsewhere("Fluentd", {"security"}))
        .with(field("username", Type::kString)
                  .between(1, 255)
                  .describe("For servers that ask for a user too.")
                  .show("web"))
        .with(field("password", Type::kSecret)
                  .describe("Of `username`.")
                  .show("\"${credential:forward_web}\""))
        .with(field("hostname", Type::kString)
                  .between(1, 255)
                  .describe("How this output calls itself to a server with a shared key.")
                  .or_else_described("the machine's name")
                  .show("web-1")
                  .elsewhere("Fluent Bit", {"Self_Hostname"})
                  .elsewhere("Fluentd", {"self_hostname"}))
        .with(config::object("tls", config::client_tls_schema())
                  .or_else_described("plain text, which only works on this machine"))
        .with(field("allow_plaintext", Type::kBool)
                  .describe("Permits sending records beyond this machine without TLS.")
                  .or_else("false")
                  .elsewhere("other programs", {"insecure"}));
}

void add_records(Schema& schema) {
    schema
        .with(field("tag", Type::kString)
                  .between(1, kTemplateBytesMax)
                  .describe("Of the records; `{{.labels.NAME}}` and `{{.NAME}}` are filled in.")
                  .or_else("\"seyir.{{.labels.service_name}}\"")
                  .elsewhere("Fluent Bit", {"Tag"}))
        .with(field("line_key", Type::kString)
                  .between(1, 255)
                  .describe("The key of the line among the record's keys.")
                  .or_else("log")
                  .elsewhere("other programs", {"message_key"}))
        .with(field("labels", Type::kEnum)
                  .choice("nested", "as a map under `labels`")
                  .choice("flat", "beside the attributes, which win where names are equal")
                  .choice("none", "not sent")
                  .describe("Where the stream labels go.")
                  .or_else("nested"))
        .with(field("compression", Type::kEnum)
                  .choice("none", "as it is")
                  .choice("gzip", "for slow networks")
                  .describe("Of the chunks.")
                  .or_else("none")
                  .elsewhere("Fluent Bit", {"Compress"})
                  .elsewhere("Fluentd", {"compress"}));
}

void add_delivery(Schema& schema) {
    schema
        .with(field("require_ack", Type::kBool)
                  .describe(
                      "true: records are delivered once the server has acknowledged them. false: "
                      "once they are written to the connection, so they may be lost."
                  )
                  .or_else("true")
                  .elsewhere("Fluent Bit", {"Require_ack_response"})
                  .elsewhere("Fluentd", {"require_ack_response"}))
        .with(field("max_chunk_size", Type::kBytes)
                  .between(kKiB, 256 * kMiB)
                  .describe("Records sent as one chunk, before compression.")
                  .or_else("2MiB")
                  .elsewhere("Fluentd", {"chunk_limit_size"}))
        .with(field("connect_timeout", Type::kDuration)
                  .between(100 * kMillisecond, 600 * kSecond)
                  .describe("For name lookup, connection, TLS and shared key together.")
                  .or_else("10s"))
        .with(field("ack_timeout", Type::kDuration)
                  .between(100 * kMillisecond, 3600 * kSecond)
                  .describe("Chunks not acknowledged by then are sent again on a new connection.")
                  .or_else("60s")
                  .elsewhere("Fluentd", {"ack_response_timeout"}))
        .with(buffer::buffer_field(buffer::BufferOptions::Kind::kDisk))
        .with(buffer::retry_field());
}

std::shared_ptr<const Schema> forward_output_schema() {
    static const auto schema = [] {
        Schema forward(
            "forward", "Sends records over Fluentd's forward protocol: to Fluentd, Fluent Bit, ..."
        );
        forward.example_id("fluentd")
            .elsewhere("Fluentd", {"out_forward"})
            .elsewhere("Vector", {"fluent"});
        add_peer(forward);
        add_records(forward);
        add_delivery(forward);
        return std::make_shared<const Schema>(std::move(forward));
    }();
    return schema;
}

class ForwardOutputPlan final : public component::OutputPlan {
  public:
    ForwardOutputPlan(ForwardOutputSetup setup, config::ClientTls tls)
        : setup_(std::move(setup)), tls_(std::move(tls)) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override {
        ForwardOutputSetup setup = setup_;
        setup.id = context.id;
        if (setup.hostname.empty()) {
            setup.hostname = context.host_name;
        }
        if (tls_.is_on) {
            SEYIR_TRY(
                setup.tls,
                net::TlsClientContext::load(
                    {.ca = tls_.ca,
                     .cert = tls_.cert,
                     .key = tls_.key,
                     .server_name = tls_.server_name}
                )
            );
        }
        SEYIR_TRY(ChunkEncoder encoder, ChunkEncoder::make(setup.chunks));
        return std::make_unique<ForwardOutput>(
            std::move(setup), std::move(encoder), context.clock, context.registry
        );
    }

    component::BufferDefault buffer_default() const override {
        return component::BufferDefault::kDisk;
    }

  private:
    ForwardOutputSetup setup_;
    config::ClientTls tls_;
};

ForwardOutputSetup read_setup(const ObjectReader& r) {
    ForwardOutputSetup setup;
    for (const config::Address& address : r.addresses("endpoints")) {
        setup.endpoints.push_back({.host = address.host, .port = address.port, .unix_path = ""});
    }
    setup.shared_key = r.string("shared_key");
    setup.user = {r.string("username"), r.string("password")};
    setup.hostname = r.string("hostname");
    setup.chunks.tag = r.string("tag");
    setup.chunks.line_key = r.string("line_key");
    setup.chunks.labels = r.choice<LabelPlace>(
        "labels",
        {{"nested", LabelPlace::kNested}, {"flat", LabelPlace::kFlat}, {"none", LabelPlace::kNone}}
    );
    setup.chunks.uses_gzip = r.string("compression") == "gzip";
    setup.chunks.wants_ack = r.boolean("require_ack");
    setup.chunks.chunk_bytes_max = r.bytes("max_chunk_size");
    setup.connect_timeout = r.duration("connect_timeout");
    setup.ack_timeout = r.duration("ack_timeout");
    return setup;
}

/// Plain text beyond this machine only where it is permitted.
bool check_plaintext(
    const ObjectReader& r, const ForwardOutputSetup& setup, bool has_tls, PlanContext& context
) {
    if (has_tls || r.boolean("allow_plaintext")) {
        return true;
    }
    for (const net::Endpoint& endpoint : setup.endpoints) {
        if (!endpoint.is_loopback()) {
            context.diagnostics.add(
                {.code = config::kNeedsTls,
                 .at = r.span("endpoints"),
                 .message = fmt::format(
                     "`{}` is beyond this machine, and `tls` is not set", endpoint.text()
                 ),
                 .hint = "add `tls: {}` (system authorities) or `tls: { ca: ... }`",
                 .notes = {"`allow_plaintext: true` permits it on a network you trust"}}
            );
            return false;
        }
    }
    return true;
}

component::OutputPlanPtr plan_forward(const ObjectReader& r, PlanContext& context) {
    ForwardOutputSetup setup = read_setup(r);
    context.checks.client_tls(r, "tls");
    config::ClientTls tls = config::read_client_tls(r, "tls");
    bool is_right = check_plaintext(r, setup, tls.is_on, context);
    if (const auto encoder = ChunkEncoder::make(setup.chunks); !encoder) {
        component::add_value_error(context, r, "tag", config::kNotAllowed, encoder.error());
        is_right = false;
    }
    if (!setup.user.name.empty() && setup.shared_key.empty()) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = r.span("username"),
             .message = fmt::format("`username` of `{}` without `shared_key`", context.id),
             .hint = "the protocol asks for users only together with a shared key: add `shared_key`"
            }
        );
        is_right = false;
    }
    if (!is_right) {
        return nullptr;
    }
    return std::make_shared<ForwardOutputPlan>(std::move(setup), std::move(tls));
}

}  // namespace

ForwardOutput::ForwardOutput(
    ForwardOutputSetup setup, ChunkEncoder encoder, io::Clock& clock, metrics::Registry& registry
)
    : sender_(std::move(setup), std::move(encoder), clock, registry, runtime_.executor()) {}

ForwardOutput::~ForwardOutput() {
    stop(SteadyTime::min());
}

void ForwardOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    if (view.row_count() == 0) {
        done(DeliveryReport::delivered(0));
        return;
    }
    sender_.push(std::move(view), std::move(done));
}

void ForwardOutput::stop(SteadyTime deadline) {
    if (std::exchange(stopped_, true)) {
        return;
    }
    sender_.stop(deadline);
    runtime_.stop();
}

}  // namespace seyir::plugins::forward

namespace seyir::component {

OutputType forward_output_type() {
    return {plugins::forward::forward_output_schema(), plugins::forward::plan_forward};
}

}  // namespace seyir::component

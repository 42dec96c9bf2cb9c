// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_input.hpp"

#include <utility>

#include <fmt/format.h>

namespace seyir::plugins::forward {
namespace {

using component::PlanContext;
using config::field;
using config::ObjectReader;
using config::Schema;
using config::Type;

constexpr uint64_t kSecond = 1'000'000'000;

void add_listening(Schema& schema) {
    Schema user("user", "One client that may log in.");
    user.with(field("name", Type::kString)
                  .required()
                  .between(1, 255)
                  .show("web")
                  .describe("Its name."))
        .with(field("password", Type::kSecret)
                  .required()
                  .show("\"${credential:forward_web}\"")
                  .describe("Its password; proved, never sent."));
    schema
        .with(field("listen", Type::kListen)
                  .describe("Address and port. At least one of `listen` and `unix_path` is needed.")
                  .show("127.0.0.1:24224")
                  .elsewhere("Vector", {"address"})
                  .elsewhere("Fluent Bit", {"Listen", "Port"})
                  .elsewhere("Fluentd", {"bind", "port"}))
        .with(field("unix_path", Type::kPath)
                  .describe("A unix socket; every local user may write to it. Always plain text.")
                  .show("/run/seyir/forward.sock")
                  .elsewhere("Fluent Bit", {"Unix_Path"})
                  .elsewhere("Vector", {"path"}))
        .with(field("shared_key", Type::kSecret)
                  .describe("What clients must know; it is proved, never sent.")
                  .or_else_described("none: whoever can connect may send")
                  .show("\"${credential:forward_key}\"")
                  .elsewhere("Fluent Bit", {"Shared_Key", "Security.Users"})
                  .elsewhere("Fluentd", {"security"})
                  .elsewhere("other programs", {"token", "secret"}))
        .with(list_of("users", config::object("", std::move(user)))
                  .between(0, 1000)
                  .describe("Clients must log in as one of these too. Needs `shared_key`.")
                  .or_else("[]")
                  .elsewhere("Fluentd", {"user"}))
        .with(field("hostname", Type::kString)
                  .between(1, 255)
                  .describe("How this input calls itself to clients with a shared key.")
                  .or_else_described("the machine's name")
                  .show("logs.example.org")
                  .elsewhere("Fluent Bit", {"Self_Hostname"})
                  .elsewhere("Fluentd", {"self_hostname"}))
        .with(config::object("tls", config::server_tls_schema())
                  .or_else_described("the top-level `tls`")
                  .elsewhere("Fluentd", {"transport"}))
        .with(field("allow_plaintext", Type::kBool)
                  .describe("Permits listening beyond this machine without TLS.")
                  .or_else_described("the top-level `allow_plaintext`")
                  .show("false")
                  .elsewhere("other programs", {"insecure"}));
}

void add_records(Schema& schema) {
    schema
        .with(list_of("line_keys", field("", Type::kString).between(1, 255))
                  .between(0, 16)
                  .describe(
                      "The text under the first of these keys that a record has is its line; "
                      "the other keys become attributes. Without one, the line is the record as "
                      "JSON."
                  )
                  .or_else("[log, message, msg]")
                  .elsewhere("Vector", {"log_namespace"})
                  .elsewhere("Fluent Bit", {"Raw_Message_Key", "Drop_Single_Key"})
                  .elsewhere("other programs", {"line_key", "message_key"}))
        .with(field("tag_label", Type::kString)
                  .between(1, 128)
                  .describe(
                      "Makes the tag a stream label of this name, for the first 1000 tags. It is "
                      "the attribute `fluent.tag` in any case."
                  )
                  .or_else_described("the tag is no label")
                  .show("tag")
                  .elsewhere("Fluent Bit", {"Tag_Prefix", "Tag_Key"}))
        .with(config::labels_field("Stream labels of the records."))
        .with(field("service_name", Type::kString)
                  .between(1, 2048)
                  .describe("The label `service_name`.")
                  .or_else_described("the input's name")
                  .show("web"));
}

void add_limits(Schema& schema) {
    schema
        .with(field("max_connections", Type::kInt)
                  .between(1, 1'000'000)
                  .describe(
                      "Connections beyond this are closed at once; one peer may hold half of them."
                  )
                  .or_else("1000")
                  .elsewhere("Vector", {"connection_limit"}))
        .with(field("max_message_size", Type::kBytes)
                  .between(64 * kKiB, kGiB)
                  .describe(
                      "The largest message (a client's chunk) as received; a larger one ends the "
                      "connection. Decompressed, twice as much is taken."
                  )
                  .or_else("32MiB")
                  .elsewhere("Fluent Bit", {"Buffer_Max_Size"})
                  .elsewhere("Fluentd", {"chunk_size_limit"}))
        .with(field("max_line", Type::kBytes)
                  .between(1, 64 * kMiB)
                  .describe("Records with a longer line are left out and counted.")
                  .or_else("1MiB"))
        .with(field("in_flight_bytes", Type::kBytes)
                  .between(kMiB, 64 * kGiB)
                  .describe(
                      "Memory for messages being received and records not yet safe, together. Then "
                      "connections are not read until some are."
                  )
                  .or_else("256MiB")
                  .elsewhere("Fluent Bit", {"Mem_Buf_Limit"}))
        .with(field("message_timeout", Type::kDuration)
                  .between(kSecond, 3600 * kSecond)
                  .describe("From a message's first byte to its last; then the connection ends.")
                  .or_else("60s"))
        .with(field("handshake_timeout", Type::kDuration)
                  .between(kSecond / 10, 600 * kSecond)
                  .describe("For TLS and the shared key together.")
                  .or_else("10s"));
}

std::shared_ptr<const Schema> forward_input_schema() {
    static const auto schema = [] {
        Schema forward(
            "forward",
            "Takes records over Fluentd's forward protocol: from Fluentd, Fluent Bit, Docker and "
            "fluent-logger libraries. Chunks are acknowledged once they are safe."
        );
        forward.example_id("fluent")
            .elsewhere("Fluentd", {"in_forward"})
            .elsewhere("Vector", {"fluent"})
            .elsewhere("OpenTelemetry", {"fluentforward"});
        add_listening(forward);
        add_records(forward);
        add_limits(forward);
        return std::make_shared<const Schema>(std::move(forward));
    }();
    return schema;
}

class ForwardPlan final : public component::InputPlan {
  public:
    ForwardPlan(ForwardSetup setup, config::ServerTls tls, config::SectionChecks::Listener listener)
        : setup_(std::move(setup)), tls_(std::move(tls)), listener_(std::move(listener)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        ForwardSetup setup = setup_;
        setup.id = context.run.id;
        if (setup.hostname.empty()) {
            setup.hostname = context.run.host_name;
        }
        if (tls_.is_on()) {
            SEYIR_TRY(
                setup.tls,
                net::TlsServerContext::load(
                    {.cert = tls_.cert, .key = tls_.key, .client_ca = tls_.client_ca}
                )
            );
        }
        return std::make_unique<ForwardInput>(
            std::move(setup), context.run.clock, context.run.registry
        );
    }

    std::vector<config::SectionChecks::Listener> listeners() const override {
        if (!listener_.address) {
            return {};
        }
        return {listener_};
    }

  private:
    ForwardSetup setup_;
    config::ServerTls tls_;
    config::SectionChecks::Listener listener_;
};

/// What only shows when keys are seen together.
bool check(const ObjectReader& r, const ForwardSetup& setup, PlanContext& context) {
    bool is_right = true;
    const auto wrong =
        [&](std::string_view code, config::Span at, std::string message, std::string hint) {
            context.diagnostics.add(
                {.code = code, .at = at, .message = std::move(message), .hint = std::move(hint)}
            );
            is_right = false;
        };
    if (setup.listen.empty()) {
        wrong(
            config::kMissingKey,
            context.id_span,
            fmt::format("input `{}` needs `listen` or `unix_path`", context.id),
            "add `listen: 127.0.0.1:24224`"
        );
    }
    if (!setup.users.empty() && setup.shared_key.empty()) {
        wrong(
            config::kMissingKey,
            r.span("users"),
            fmt::format("`users` of `{}` without `shared_key`", context.id),
            "the protocol asks for users only together with a shared key: add `shared_key`"
        );
    }
    if (!setup.rows.tag_label.empty() && !is_label_name(setup.rows.tag_label)) {
        wrong(
            config::kBadName,
            r.span("tag_label"),
            fmt::format("`{}` is no name for a label", setup.rows.tag_label),
            "letters, digits and `_`, not beginning with a digit"
        );
    }
    if (2 * setup.message_bytes_max > setup.in_flight_bytes_max) {
        wrong(
            config::kOrder,
            r.has("in_flight_bytes") ? r.span("in_flight_bytes") : r.span("max_message_size"),
            fmt::format(
                "`in_flight_bytes` ({}) is less than twice `max_message_size` ({})",
                format_bytes(setup.in_flight_bytes_max),
                format_bytes(setup.message_bytes_max)
            ),
            "make `in_flight_bytes` larger"
        );
    }
    return is_right;
}

ForwardSetup read_setup(const ObjectReader& r) {
    ForwardSetup setup;
    if (const auto address = r.address("listen")) {
        setup.listen.push_back({.host = address->host, .port = address->port, .unix_path = ""});
    }
    if (r.has("unix_path")) {
        setup.listen.push_back({.host = "", .port = 0, .unix_path = r.path("unix_path")});
    }
    setup.shared_key = r.string("shared_key");
    for (const ObjectReader& user : r.objects("users")) {
        setup.users.push_back({user.string("name"), user.string("password")});
    }
    setup.hostname = r.string("hostname");
    setup.rows.line_keys = r.strings("line_keys");
    setup.rows.tag_label = r.string("tag_label");
    setup.rows.limits.line_bytes_max = r.bytes("max_line");
    setup.connections_max = static_cast<uint32_t>(r.integer("max_connections"));
    setup.message_bytes_max = r.bytes("max_message_size");
    setup.inflated_bytes_max = 2 * setup.message_bytes_max;
    setup.in_flight_bytes_max = r.bytes("in_flight_bytes");
    setup.message_timeout = r.duration("message_timeout");
    setup.handshake_timeout = r.duration("handshake_timeout");
    return setup;
}

component::InputPlanPtr plan_forward(const ObjectReader& r, PlanContext& context) {
    ForwardSetup setup = read_setup(r);
    config::ServerTls tls = context.tls;
    if (r.has("tls")) {
        context.checks.server_tls(r, "tls");
        tls = config::read_server_tls(r, "tls");
    }
    setup.rows.labels = component::input_labels(r, context);
    if (!check(r, setup, context) || !setup.rows.labels) {
        return nullptr;
    }
    config::SectionChecks::Listener listener{
        .what = fmt::format("inputs.{}.listen", context.id),
        .address = r.address("listen"),
        .at = r.span("listen"),
        .has_tls = tls.is_on(),
        .allows_plaintext =
            r.has("allow_plaintext") ? r.boolean("allow_plaintext") : context.allows_plaintext,
        .has_tokens = !setup.shared_key.empty() || !tls.client_ca.empty(),
        .token_hint = "add `shared_key`",
    };
    return std::make_shared<ForwardPlan>(std::move(setup), std::move(tls), std::move(listener));
}

}  // namespace

pipeline::ComponentHealth ForwardInput::health() const {
    const ByteBudget& held = server_.budget();
    if (!held.is_short()) {
        return {};
    }
    return {
        false,
        fmt::format(
            "{} of {} are held for clients: connections wait until outputs take records",
            format_bytes(held.held_bytes()),
            format_bytes(held.bytes_max())
        )
    };
}

}  // namespace seyir::plugins::forward

namespace seyir::component {

InputType forward_input_type() {
    return {plugins::forward::forward_input_schema(), plugins::forward::plan_forward};
}

}  // namespace seyir::component

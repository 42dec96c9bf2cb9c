// SPDX-License-Identifier: Apache-2.0
// What the `loki` output accepts in a configuration file, and how it becomes a LokiOutput.
#include <utility>

#include <fmt/format.h>

#include "common/buffer/options.hpp"
#include "common/net/http/encoding.hpp"
#include "plugins/output/loki/loki_output.hpp"

namespace seyir::plugins::loki {
namespace {

using component::PlanContext;
using config::field;
using config::ObjectReader;
using config::Schema;
using config::Type;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint16_t kHttpPort = 80;
constexpr std::string_view kPushPath = "/loki/api/v1/push";

void add_peer(Schema& schema) {
    Schema basic("basic_auth", "User and password of HTTP.");
    basic
        .with(field("username", Type::kString)
                  .required()
                  .between(1, 1024)
                  .show("writer")
                  .describe("The user's name."))
        .with(field("password", Type::kSecret)
                  .required()
                  .show("\"${credential:loki}\"")
                  .describe("The user's password."));
    schema
        .with(field("url", Type::kString)
                  .required()
                  .between(1, 2048)
                  .describe("The server; without a path, `/loki/api/v1/push` is added.")
                  .show("http://127.0.0.1:3100")
                  .elsewhere("Vector", {"endpoint"})
                  .elsewhere("Fluent Bit", {"host", "uri"}))
        .with(field("tenant", Type::kString)
                  .between(1, 255)
                  .describe("Sent as `X-Scope-OrgID`.")
                  .or_else_described("none is sent")
                  .show("team-a")
                  .elsewhere("promtail", {"tenant_id"})
                  .elsewhere("Fluent Bit", {"tenant_id"}))
        .with(config::object("basic_auth", std::move(basic))
                  .elsewhere("Vector", {"auth"})
                  .elsewhere("Fluent Bit", {"http_user", "http_passwd"}))
        .with(field("token", Type::kSecret)
                  .describe("Sent as bearer token.")
                  .show("\"${credential:loki_token}\"")
                  .elsewhere("promtail", {"bearer_token"})
                  .elsewhere("Fluent Bit", {"bearer_token"}))
        .with(config::object("tls", config::client_tls_schema())
                  .or_else_described("for https the system's authorities")
                  .elsewhere("promtail", {"tls_config"}))
        .with(field("allow_plaintext", Type::kBool)
                  .describe("Permits http beyond this machine.")
                  .or_else("false")
                  .elsewhere("other programs", {"insecure"}));
}

void add_pushes(Schema& schema) {
    schema
        .with(config::labels_field(
            "Stream labels, in the place of the records' own of these names; one with an empty "
            "value is not sent."
        ))
        .with(field("encoding", Type::kEnum)
                  .choice("protobuf", "compressed, and lines stay byte for byte")
                  .choice("json", "for servers that take nothing else")
                  .describe("Of the push.")
                  .or_else("protobuf"))
        .with(field("structured_metadata", Type::kBool)
                  .describe(
                      "Sends attributes as structured metadata (Loki 2.9 and later, schema v13). "
                      "false: they are not sent."
                  )
                  .or_else("true")
                  .elsewhere("Fluent Bit", {"structured_metadata_map_keys"}))
        .with(field("max_batch_size", Type::kBytes)
                  .between(kKiB, 64 * kMiB)
                  .describe("Line bytes of one push.")
                  .or_else("1MiB")
                  .elsewhere("promtail", {"batchsize"})
                  .elsewhere("Vector", {"batch"}))
        .with(field("timeout", Type::kDuration)
                  .between(kSecond / 10, 600 * kSecond)
                  .describe("For a connection, and for a server that says nothing.")
                  .or_else("10s")
                  .elsewhere("other programs", {"request_timeout"}))
        .with(buffer::buffer_field(buffer::BufferOptions::Kind::kDisk))
        .with(buffer::retry_field());
}

std::shared_ptr<const Schema> loki_output_schema() {
    static const auto schema = [] {
        Schema loki("loki", "Pushes records to Grafana Loki, or to a collector's `loki` input.");
        loki.example_id("loki").elsewhere("promtail", {"clients"});
        add_peer(loki);
        add_pushes(loki);
        return std::make_shared<const Schema>(std::move(loki));
    }();
    return schema;
}

class LokiOutputPlan final : public component::OutputPlan {
  public:
    LokiOutputPlan(LokiOutputSetup setup, config::ClientTls tls)
        : setup_(std::move(setup)), tls_(std::move(tls)) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override {
        LokiOutputSetup setup = setup_;
        setup.id = context.id;
        if (setup.url.starts_with("https://")) {
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
        return std::make_unique<LokiOutput>(std::move(setup), context.clock, context.registry);
    }

    component::BufferDefault buffer_default() const override {
        return component::BufferDefault::kDisk;
    }

  private:
    LokiOutputSetup setup_;
    config::ClientTls tls_;
};

class LokiPlanner {
  public:
    LokiPlanner(const ObjectReader& r, PlanContext& context) : r_(r), context_(context) {}

    component::OutputPlanPtr plan() {
        LokiOutputSetup setup;
        read_url(setup);
        setup.tenant = r_.string("tenant");
        setup.token = r_.string("token");
        const ObjectReader basic = r_.nested("basic_auth");
        setup.user = basic.string("username");
        setup.password = basic.string("password");
        setup.push.encoding =
            r_.string("encoding") == "json" ? PushEncoding::kJson : PushEncoding::kProtobuf;
        setup.push.has_metadata = r_.boolean("structured_metadata");
        setup.push.labels = r_.pairs("labels");
        setup.batch_bytes_max = r_.bytes("max_batch_size");
        setup.timeout =
            std::chrono::duration_cast<std::chrono::milliseconds>(r_.duration("timeout"));
        context_.checks.client_tls(r_, "tls");
        check(setup);
        if (!is_right_) {
            return nullptr;
        }
        return std::make_shared<LokiOutputPlan>(
            std::move(setup), config::read_client_tls(r_, "tls")
        );
    }

  private:
    void wrong(config::Diagnostic diagnostic) {
        context_.diagnostics.add(std::move(diagnostic));
        is_right_ = false;
    }

    void read_url(LokiOutputSetup& setup) {
        auto url = net::parse_server_url(r_.string("url"), kHttpPort);
        if (!url) {
            component::add_value_error(context_, r_, "url", config::kNotAddress, url.error());
            is_right_ = false;
            return;
        }
        std::string& path = url->base_path;
        if (path.ends_with(kPushPath)) {
            path.resize(path.size() - kPushPath.size());
        }
        setup.target = path + std::string(kPushPath);
        setup.url = url->endpoint.is_unix()
                        ? url->endpoint.text()
                        : (url->is_tls ? "https://" : "http://") + url->endpoint.text();
        if (!url->is_tls && !url->endpoint.is_loopback() && !r_.boolean("allow_plaintext")) {
            wrong(
                {.code = config::kNeedsTls,
                 .at = r_.span("url"),
                 .message = fmt::format("`{}` is beyond this machine, and not https", setup.url),
                 .hint = "write https://",
                 .notes = {"`allow_plaintext: true` permits it on a network you trust"}}
            );
        }
    }

    void check(const LokiOutputSetup& setup) {
        if (!setup.token.empty() && !setup.user.empty()) {
            wrong(
                {.code = config::kTokenForm,
                 .at = r_.key_span("token"),
                 .message = fmt::format(
                     "`{}` has both `token` and `basic_auth`; a request carries one", context_.id
                 ),
                 .hint = "remove one of them"}
            );
        }
        if (r_.has("tls") && setup.url.starts_with("http://")) {
            wrong(
                {.code = config::kTlsIncomplete,
                 .at = r_.key_span("tls"),
                 .message = fmt::format("`tls` of `{}` with an http URL", context_.id),
                 .hint = "write https:// in `url`, or remove `tls`"}
            );
        }
        const auto has_line_break = [](const std::string& text) {
            return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
        };
        if (has_line_break(setup.tenant) || has_line_break(setup.token)) {
            wrong(
                {.code = config::kNotAllowed,
                 .at = r_.span(has_line_break(setup.tenant) ? "tenant" : "token"),
                 .message = "a header's value has a line break in it",
                 .hint = "a file that holds a secret often ends with one"}
            );
        }
    }

    const ObjectReader& r_;
    PlanContext& context_;
    bool is_right_ = true;
};

}  // namespace
}  // namespace seyir::plugins::loki

namespace seyir::component {

OutputType loki_output_type() {
    return {
        plugins::loki::loki_output_schema(),
        [](const config::ObjectReader& r, PlanContext& context) {
            return plugins::loki::LokiPlanner(r, context).plan();
        }
    };
}

}  // namespace seyir::component

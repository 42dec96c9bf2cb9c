// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/http/http_type.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/buffer/options.hpp"
#include "plugins/output/http/http_output.hpp"
#include "plugins/output/notify/tls_keys.hpp"

namespace seyir::plugins {
namespace {

using component::OutputPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;
using config::Schema;
using config::Type;

config::Field auth_field() {
    Schema auth("auth", "Who we are to the server: `user` and `password`, or `token`.");
    auth.with(config::field("user", Type::kString)
                  .between(1, 1024)
                  .describe("For basic authentication.")
                  .show("seyir"))
        .with(config::field("password", Type::kSecret)
                  .describe("For basic authentication.")
                  .show("\"${credential:hook_password}\""))
        .with(config::field("token", Type::kSecret)
                  .describe("Sent as `Authorization: Bearer`.")
                  .show("\"${credential:hook_token}\"")
                  .elsewhere("other programs", {"bearer", "bearer_token"}));
    return config::object("auth", std::move(auth))
        .elsewhere("Fluent Bit", {"http_User", "http_Passwd"});
}

config::Field batch_field() {
    Schema batch("batch", "How much one request holds.");
    batch
        .with(config::field("rows", Type::kInt)
                  .between(1, 100'000)
                  .describe("Records at most.")
                  .or_else("1000")
                  .elsewhere("Vector", {"max_events"}))
        .with(config::field("bytes", Type::kBytes)
                  .between(1, 64 * kMiB)
                  .describe("Size at most, before compression; one larger record goes alone.")
                  .or_else("1MiB")
                  .elsewhere("Vector", {"max_bytes"}));
    return config::object("batch", std::move(batch));
}

Schema make_schema() {
    return Schema("http", "Sends records to an HTTP server, a webhook for example.")
        .example_id("hook")
        .elsewhere("other programs", {"webhook"})
        .with(config::field("url", Type::kSecret)
                  .required()
                  .between(8, 8192)
                  .describe("Where to; never shown beyond its host, for it may hold a secret.")
                  .show("https://hooks.example.org/logs")
                  .elsewhere("Vector", {"uri"})
                  .elsewhere("Fluent Bit", {"host"}))
        .with(config::field("method", Type::kEnum)
                  .choice("POST", "what webhooks want")
                  .choice("PUT", "replaces")
                  .choice("PATCH", "changes")
                  .describe("The request's method.")
                  .or_else("POST"))
        .with(config::map_of(
                  "headers",
                  config::KeyRule::kComponent,
                  config::field("", Type::kSecret).between(0, 8192).may_be_empty()
        )
                  .between(0, 64)
                  .describe("More headers of the request, their names in small letters.")
                  .or_else("{}")
                  .show("{ x-api-key: \"${credential:hook_key}\" }")
                  .elsewhere("Fluent Bit", {"header"})
                  .elsewhere("Vector", {"request.headers"}))
        .with(config::field("format", Type::kEnum)
                  .choice("json_lines", "one JSON document a line")
                  .choice("json_array", "one array of JSON documents")
                  .choice("template", "what `template` makes of each record")
                  .describe("How a request holds its records.")
                  .or_else("json_lines")
                  .elsewhere("Vector", {"encoding", "codec", "framing"}))
        .with(config::field("template", Type::kString)
                  .between(1, 64 * 1024)
                  .describe(
                      "Text of each record: `{{.label}}`, `{{__line__}}`, `{{.__timestamp__}}`."
                  )
                  .show("'{{.__timestamp__}} {{__line__}}'")
                  .elsewhere("Fluent Bit", {"body_key"}))
        .with(config::field("content_type", Type::kString)
                  .between(1, 256)
                  .describe("The header Content-Type.")
                  .or_else_described(
                      "application/x-ndjson, application/json, text/plain, by `format`"
                  )
                  .show("application/json"))
        .with(config::field("compression", Type::kEnum)
                  .choice("none", "as it is")
                  .choice("gzip", "RFC 1952")
                  .describe("How the body is packed.")
                  .or_else("none")
                  .elsewhere("Fluent Bit", {"compress"}))
        .with(auth_field())
        .with(batch_field())
        .with(config::field("in_flight", Type::kInt)
                  .between(1, 32)
                  .describe("Requests under way at once; more than one may change the order.")
                  .or_else("2")
                  .elsewhere("Vector", {"request.concurrency"})
                  .elsewhere("Fluent Bit", {"workers"}))
        .with(notify::timeout_field())
        .with(notify::connect_timeout_field())
        .with(notify::tls_field())
        .with(buffer::buffer_field(buffer::BufferOptions::Kind::kDisk))
        .with(buffer::retry_field());
}

bool is_header_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
    });
}

void read_headers(const ObjectReader& r, HttpOutputOptions& options, PlanContext& context) {
    constexpr std::string_view kTypes[] = {
        "application/x-ndjson", "application/json", "text/plain; charset=utf-8"
    };
    const std::string type = r.has("content_type")
                                 ? r.string("content_type")
                                 : std::string(kTypes[static_cast<int>(options.body.format)]);
    options.headers.push_back("Content-Type: " + type);
    if (!is_header_value(type)) {
        notify::complain(
            r, "content_type", config::kNotAllowed, "a control character in a header", context
        );
    }
    for (const auto& [name, value] : r.pairs("headers")) {
        if (!is_header_value(value)) {
            notify::complain(
                r,
                "headers",
                config::kNotAllowed,
                fmt::format("a control character in the header `{}`", name),
                context
            );
        }
        // libcurl's notation: a header without a value ends in a semicolon.
        options.headers.push_back(value.empty() ? name + ";" : name + ": " + value);
        options.transfer.secrets.push_back(value);
    }
}

void read_auth(const ObjectReader& r, HttpOutputOptions& options, PlanContext& context) {
    if (!r.has("auth")) {
        return;
    }
    const ObjectReader auth = r.nested("auth");
    options.user = auth.string("user");
    options.password = auth.string("password");
    const std::string token = auth.string("token");
    if (!token.empty() && !options.user.empty()) {
        notify::complain(
            r, "auth", config::kNotAllowed, "`auth`: give `user` or `token`, not both", context
        );
    }
    if (options.user.contains(':')) {
        notify::complain(
            auth, "user", config::kNotAllowed, "a colon cannot be part of `user`", context
        );
    }
    if (!token.empty()) {
        if (!is_header_value(token)) {
            notify::complain(
                auth, "token", config::kNotAllowed, "a control character in `token`", context
            );
        }
        options.headers.push_back("Authorization: Bearer " + token);
        options.transfer.secrets.push_back(token);
    }
    options.transfer.secrets.push_back(options.password);
}

OutputPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    HttpOutputOptions options;
    options.url = r.string("url");
    notify::check_url(r, "url", {"http://", "https://"}, context);
    options.method = r.string("method");
    options.transfer = notify::read_transfer(r, context);
    options.transfer.secrets.push_back(options.url);
    options.body.format = r.choice<HttpBodyFormat>(
        "format",
        {{"json_lines", HttpBodyFormat::kJsonLines},
         {"json_array", HttpBodyFormat::kJsonArray},
         {"template", HttpBodyFormat::kTemplate}}
    );
    if (options.body.format == HttpBodyFormat::kTemplate && !r.has("template")) {
        notify::complain(
            r, "format", config::kMissingKey, "`format: template` needs `template`", context
        );
    }
    if (r.has("template")) {
        options.body.text = notify::read_template(r, "template", "", context);
        if (options.body.format != HttpBodyFormat::kTemplate) {
            notify::complain(
                r, "template", config::kNotAllowed, "`template` needs `format: template`", context
            );
        }
    }
    read_headers(r, options, context);
    read_auth(r, options, context);
    options.gzip = r.string("compression") == "gzip";
    const ObjectReader batch = r.nested("batch");
    options.body.rows_max = static_cast<uint32_t>(batch.integer("rows"));
    options.body.bytes_max = batch.bytes("bytes");
    options.in_flight_max = static_cast<uint32_t>(r.integer("in_flight"));
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return notify::buffered_plan([options = std::move(options)](const RunContext& run) {
        return std::make_unique<HttpOutput>(options, run.id, run.registry);
    });
}

}  // namespace

component::OutputType http_output_type() {
    return {std::make_shared<const Schema>(make_schema()), plan};
}

}  // namespace seyir::plugins

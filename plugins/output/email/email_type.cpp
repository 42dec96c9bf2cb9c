// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/email/email_type.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/buffer/options.hpp"
#include "plugins/output/email/email_output.hpp"
#include "plugins/output/notify/tls_keys.hpp"

namespace seyir::plugins {
namespace {

using component::OutputPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;
using config::Schema;
using config::Type;
using notify::StartTls;

Schema make_schema() {
    return Schema("email", "Sends records as mail.")
        .example_id("mail")
        .elsewhere("other programs", {"smtp", "mail"})
        .with(config::field("server", Type::kString)
                  .required()
                  .between(8, 1024)
                  .describe("smtp://HOST:PORT, or smtps://HOST:PORT for TLS from the start.")
                  .show("smtp://mail.example.org:587")
                  .elsewhere("other programs", {"smarthost", "smtp_server", "host"}))
        .with(config::field("starttls", Type::kEnum)
                  .choice("required", "no mail without TLS")
                  .choice("optional", "TLS where the server offers it")
                  .choice("off", "never")
                  .describe("Whether an smtp:// connection turns to TLS.")
                  .or_else("required")
                  .elsewhere("other programs", {"require_tls", "smtp_require_tls"}))
        .with(config::field("user", Type::kString)
                  .between(1, 1024)
                  .describe("Account, where the server wants one.")
                  .show("seyir")
                  .elsewhere("other programs", {"auth_username", "username"}))
        .with(config::field("password", Type::kSecret)
                  .describe("Of `user`.")
                  .show("\"${credential:smtp_password}\"")
                  .elsewhere("other programs", {"auth_password"}))
        .with(config::field("from", Type::kString)
                  .required()
                  .between(3, 512)
                  .describe("Sender: an address, or `Name <address>`.")
                  .show("Seyir <seyir@example.org>"))
        .with(config::list_of("to", config::field("", Type::kString).between(3, 512))
                  .required()
                  .between(1, 100)
                  .describe("Recipients.")
                  .show("[ops@example.org]")
                  .elsewhere("other programs", {"recipients"}))
        .with(config::field("subject", Type::kString)
                  .between(1, 4096)
                  .describe("Template of the subject; labels are those of the mail's first record.")
                  .or_else_described("the line")
                  .show("'[{{.alert_severity}}] {{__line__}}'"))
        .with(config::field("body", Type::kString)
                  .between(1, 64 * 1024)
                  .describe(
                      "Template of each record: `{{.label}}`, `{{__line__}}`, `{{.__timestamp__}}`."
                  )
                  .or_else_described("time and line")
                  .show("'{{.__timestamp__}} {{__line__}}'")
                  .elsewhere("other programs", {"text", "template"}))
        .with(config::field("max_rows", Type::kInt)
                  .between(1, 10'000)
                  .describe("Records in one mail; the rest is counted in its last line.")
                  .or_else("100"))
        .with(notify::timeout_field())
        .with(notify::connect_timeout_field())
        .with(notify::tls_field())
        .with(buffer::buffer_field(buffer::BufferOptions::Kind::kDisk))
        .with(buffer::retry_field());
}

std::optional<MailAddress> read_address(
    const ObjectReader& r, std::string_view key, const std::string& text, PlanContext& context
) {
    auto address = parse_mail_address(text);
    if (address) {
        return std::move(*address);
    }
    component::add_value_error(context, r, key, config::kNotAllowed, address.error());
    return std::nullopt;
}

void check_server(const ObjectReader& r, const EmailOutputOptions& options, PlanContext& context) {
    notify::check_url(r, "server", {"smtp://", "smtps://"}, context);
    const std::string_view host =
        std::string_view(options.url)
            .substr(std::min(options.url.find("://") + 3, options.url.size()));
    if (host.contains('/') || host.contains('@')) {
        notify::complain(
            r,
            "server",
            config::kNotAllowed,
            "`server` is a scheme, a host and a port",
            context,
            "the account goes into `user` and `password`"
        );
    }
    const bool is_local =
        host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost");
    const bool may_be_plain =
        options.url.starts_with("smtp://") && options.start_tls != StartTls::kRequired;
    if (may_be_plain && !is_local && !options.password.empty()) {
        notify::complain(
            r,
            "starttls",
            config::kPlaintext,
            "the password may cross the network readable",
            context,
            "starttls: required"
        );
    }
    if (options.user.empty() != options.password.empty()) {
        notify::complain(
            r,
            options.user.empty() ? "password" : "user",
            config::kMissingKey,
            "`user` and `password` belong together",
            context
        );
    }
}

OutputPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    EmailOutputOptions options;
    options.url = r.string("server");
    options.start_tls = r.choice<StartTls>(
        "starttls",
        {{"required", StartTls::kRequired},
         {"optional", StartTls::kOptional},
         {"off", StartTls::kOff}}
    );
    options.user = r.string("user");
    options.password = r.string("password");
    options.transfer = notify::read_transfer(r, context);
    options.transfer.secrets.push_back(options.password);
    check_server(r, options, context);
    const auto from = read_address(r, "from", r.string("from"), context);
    for (const std::string& text : r.strings("to")) {
        if (auto to = read_address(r, "to", text, context)) {
            options.to.push_back(std::move(*to));
        }
    }
    auto subject = notify::read_template(r, "subject", "{{__line__}}", context);
    auto body = notify::read_template(r, "body", "{{.__timestamp__}} {{__line__}}", context);
    options.limits = {
        .rows_max = static_cast<uint32_t>(r.integer("max_rows")),
        .row_bytes_max = 16 * kKiB,
        .bytes_max = kMiB,
    };
    if (context.diagnostics.error_count() != errors || !from || !subject || !body) {
        return nullptr;
    }
    options.from = *from;
    options.subject = std::move(*subject);
    options.body = std::move(*body);
    return notify::buffered_plan([options = std::move(options)](const RunContext& run) {
        return std::make_unique<EmailOutput>(
            options, run.id, run.host_name, run.clock, run.registry
        );
    });
}

}  // namespace

component::OutputType email_output_type() {
    return {std::make_shared<const Schema>(make_schema()), plan};
}

}  // namespace seyir::plugins

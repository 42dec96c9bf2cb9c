// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/tls_keys.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::plugins::notify {

using config::Schema;
using config::Type;

config::Field tls_field() {
    Schema tls("tls", "Certificates towards the server, which is always verified.");
    tls.with(config::field("ca", Type::kPath)
                 .describe("Authorities that may have signed the server's certificate.")
                 .or_else_described("the system's")
                 .show("/etc/seyir/ca.crt")
                 .elsewhere("Vector", {"ca_file"})
                 .elsewhere("Fluent Bit", {"tls.ca_file"}))
        .with(config::field("cert", Type::kPath)
                  .describe("This host's certificate, for servers that ask for one.")
                  .show("/etc/seyir/client.crt")
                  .elsewhere("Vector", {"crt_file"})
                  .elsewhere("Fluent Bit", {"tls.crt_file"}))
        .with(config::field("key", Type::kPath)
                  .describe("Private key of `cert`.")
                  .show("/etc/seyir/client.key")
                  .elsewhere("Vector", {"key_file"})
                  .elsewhere("Fluent Bit", {"tls.key_file"}));
    return config::object("tls", std::move(tls));
}

config::Field timeout_field() {
    return config::field("timeout", Type::kDuration)
        .between(100'000'000, 600'000'000'000)
        .describe("For one exchange, from the connection to the answer.")
        .or_else("30s")
        .elsewhere("Vector", {"request.timeout_secs"});
}

config::Field connect_timeout_field() {
    return config::field("connect_timeout", Type::kDuration)
        .between(100'000'000, 600'000'000'000)
        .describe("For the connection alone, TLS included.")
        .or_else("10s");
}

TransferOptions read_transfer(const config::ObjectReader& r, component::PlanContext& context) {
    TransferOptions options;
    options.timeout = r.duration("timeout");
    options.connect_timeout = r.duration("connect_timeout");
    if (!r.has("tls")) {
        return options;
    }
    context.checks.client_tls(r, "tls");
    const config::ObjectReader tls = r.nested("tls");
    options.tls = {.ca = tls.path("ca"), .cert = tls.path("cert"), .key = tls.path("key")};
    return options;
}

std::optional<RowTemplate> read_template(
    const config::ObjectReader& r,
    std::string_view key,
    const std::string& absent,
    component::PlanContext& context
) {
    auto made = RowTemplate::compile(r.has(key) ? r.string(key) : absent);
    if (made) {
        return std::move(*made);
    }
    component::add_value_error(context, r, key, config::kNotAllowed, made.error());
    return std::nullopt;
}

void check_url(
    const config::ObjectReader& r,
    std::string_view key,
    std::initializer_list<std::string_view> schemes,
    component::PlanContext& context
) {
    const std::string url = r.string(key);
    const bool has_scheme = std::ranges::any_of(schemes, [&](std::string_view scheme) {
        return url.starts_with(scheme) && url.size() > scheme.size() && url[scheme.size()] != '/';
    });
    const bool is_plain = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!url.empty() && (!has_scheme || !is_plain)) {
        // The value may hold a secret: it is not repeated.
        complain(
            r,
            key,
            config::kNotAllowed,
            fmt::format("`{}` is not a URL", key),
            context,
            fmt::format("it begins with {}", fmt::join(schemes, " or "))
        );
    }
}

void complain(
    const config::ObjectReader& r,
    std::string_view key,
    std::string_view code,
    std::string message,
    component::PlanContext& context,
    std::string hint
) {
    context.diagnostics.add(
        {.code = code,
         .at = r.span(key),
         .message = fmt::format("`{}`: {}", context.id, message),
         .hint = std::move(hint)}
    );
}

}  // namespace seyir::plugins::notify

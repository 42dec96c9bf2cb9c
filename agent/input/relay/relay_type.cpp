// SPDX-License-Identifier: Apache-2.0
#include "agent/input/relay/relay_type.hpp"

#include <utility>

#include <fmt/format.h>

#include "agent/input/relay/relay_input.hpp"
#include "common/config/sections/sections.hpp"
#include "common/wire/relay.hpp"

namespace seyir::agent::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

std::shared_ptr<const Schema> make_schema() {
    Schema schema(
        "http_relay",
        "Requests with logs from programs on this host, kept on disk and handed to the collector "
        "unchanged, which takes them as if they had been posted there."
    );
    schema.example_id("relay")
        .with(field("listen", Type::kListen)
                  .describe("Where programs post to; on this machine only.")
                  .or_else_described("only `unix_path`")
                  .show("127.0.0.1:3100"))
        .with(field("unix_path", Type::kPath)
                  .describe("A unix socket to post to, instead of `listen`.")
                  .or_else_described("none")
                  .show("/run/seyir/relay.sock"))
        .with(list_of("paths", field("", Type::kString).between(1, 255))
                  .between(1, 64)
                  .describe("Paths that are taken: those of the collector's `loki` and `http` "
                            "inputs.")
                  .or_else("[/loki/api/v1/push]")
                  .show("[/loki/api/v1/push, /ingest]"))
        .with(list_of("hosts", field("", Type::kString).between(1, 255))
                  .between(0, 64)
                  .describe("Names a request may be for, besides localhost and the like.")
                  .or_else("[]")
                  .show("[logs.internal]"))
        .with(list_of("origins", field("", Type::kString).between(1, 255))
                  .between(0, 64)
                  .describe("Web origins whose pages may post.")
                  .or_else("[]")
                  .show("['http://localhost:8080']"))
        .with(field("max_body", Type::kBytes)
                  .between(kKiB, kMiB)
                  .describe("A larger request is refused (413). A record is at most 1 MiB.")
                  .or_else("1MiB"))
        .with(field("max_in_flight", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Memory for requests that are not yet on disk; then clients get 503.")
                  .or_else("32MiB"));
    return std::make_shared<const Schema>(std::move(schema));
}

class RelayPlan final : public component::InputPlan {
  public:
    explicit RelayPlan(RelaySetup setup) : setup_(std::move(setup)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        return std::make_unique<RelayInput>(setup_, context.run.clock, context.run.registry);
    }

  private:
    const RelaySetup setup_;
};

/// True when something is wrong; diagnostics say what.
bool check_places(const config::ObjectReader& r, component::PlanContext& context) {
    const auto address = r.address("listen");
    if (address.has_value() == r.has("unix_path")) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = context.id_span,
             .message = fmt::format("input `{}` needs one of `listen` and `unix_path`", context.id),
             .hint = "add `listen: 127.0.0.1:3100`"}
        );
        return true;
    }
    if (address && !address->is_loopback()) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("listen"),
             .message = fmt::format("`listen` of `{}` is beyond this machine", context.id),
             .hint = "use 127.0.0.1; a collector takes requests of other machines"}
        );
        return true;
    }
    const auto paths = r.strings("paths");
    for (size_t i = 0; i < paths.size(); ++i) {
        if (!paths[i].starts_with('/') || paths[i].find('{') != std::string::npos) {
            context.diagnostics.add(
                {.code = config::kBadPath,
                 .at = r.item_span("paths", i),
                 .message = fmt::format("`{}` is not a path of a URL", paths[i]),
                 .hint = "begin it with `/`, without `{`"}
            );
            return true;
        }
    }
    return false;
}

component::InputPlanPtr plan(const config::ObjectReader& r, component::PlanContext& context) {
    if (check_places(r, context)) {
        return nullptr;
    }
    RelaySetup setup;
    setup.id = context.id;
    if (const auto address = r.address("listen")) {
        setup.listen = {.host = address->host, .port = address->port, .unix_path = ""};
    } else {
        setup.listen = {.host = "", .port = 0, .unix_path = r.path("unix_path")};
        setup.guard.is_unix = true;
    }
    setup.paths = r.strings("paths");
    for (const std::string& host : r.strings("hosts")) {
        setup.guard.hosts.push_back(host_without_port(host));
    }
    setup.guard.origins = r.strings("origins");
    setup.body_bytes_max = r.bytes("max_body");
    setup.in_flight_bytes_max = r.bytes("max_in_flight");
    auto labels = StreamLabels::make({{relay::kLabel, "1"}, {"input", context.id}});
    if (!labels) {
        return nullptr;
    }
    setup.labels = std::move(*labels);
    return std::make_shared<RelayPlan>(std::move(setup));
}

}  // namespace

component::InputType relay_input_type() {
    return {make_schema(), plan};
}

}  // namespace seyir::agent::input

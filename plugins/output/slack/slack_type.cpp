// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/slack/slack_type.hpp"

#include "common/buffer/options.hpp"
#include "plugins/output/notify/tls_keys.hpp"
#include "plugins/output/slack/slack_output.hpp"

namespace seyir::plugins {
namespace {

using component::OutputPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;
using config::Schema;
using config::Type;

Schema make_schema() {
    return Schema("slack", "Sends records as messages to a Slack channel.")
        .example_id("team")
        .elsewhere("other programs", {"mattermost"})
        .with(config::field("url", Type::kSecret)
                  .required()
                  .between(8, 8192)
                  .describe("The incoming webhook's URL, which is the secret.")
                  .show("\"${credential:slack_url}\"")
                  .elsewhere("Fluent Bit", {"webhook"})
                  .elsewhere("other programs", {"api_url", "webhook_url"}))
        .with(config::field("channel", Type::kString)
                  .between(1, 256)
                  .describe("Another channel than the webhook's own, where it allows that.")
                  .or_else_described("the webhook's")
                  .show("\"#alerts\""))
        .with(config::field("template", Type::kString)
                  .between(1, 16 * 1024)
                  .describe(
                      "Text of each record: `{{.label}}`, `{{__line__}}`, `{{.__timestamp__}}`. "
                      "`&`, `<` and `>` are escaped afterwards."
                  )
                  .or_else_described("the line")
                  .show("'{{.alert_name}}: {{__line__}}'")
                  .elsewhere("other programs", {"text", "message"}))
        .with(config::field("max_rows", Type::kInt)
                  .between(1, 200)
                  .describe("Records in one message; the rest is counted in its last line.")
                  .or_else("20"))
        .with(notify::timeout_field())
        .with(notify::connect_timeout_field())
        .with(notify::tls_field())
        .with(buffer::buffer_field(buffer::BufferOptions::Kind::kDisk))
        .with(buffer::retry_field());
}

OutputPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    SlackOutputOptions options;
    options.url = r.string("url");
    notify::check_url(r, "url", {"https://", "http://"}, context);
    options.channel = r.string("channel");
    options.transfer = notify::read_transfer(r, context);
    options.transfer.secrets.push_back(options.url);
    auto text = notify::read_template(r, "template", "{{__line__}}", context);
    options.limits = {
        .rows_max = static_cast<uint32_t>(r.integer("max_rows")),
        .row_bytes_max = 2000,
        .bytes_max = 12'000,
    };
    if (context.diagnostics.error_count() != errors || !text) {
        return nullptr;
    }
    options.text = std::move(*text);
    return notify::buffered_plan([options = std::move(options)](const RunContext& run) {
        return std::make_unique<SlackOutput>(options, run.id, run.registry);
    });
}

}  // namespace

component::OutputType slack_output_type() {
    return {std::make_shared<const Schema>(make_schema()), plan};
}

}  // namespace seyir::plugins

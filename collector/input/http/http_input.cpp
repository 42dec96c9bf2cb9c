// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/http_input.hpp"

#include <utility>

#include <fmt/format.h>

#include "collector/services/collector_services.hpp"

namespace seyir::collector::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

std::shared_ptr<const Schema> make_schema() {
    Schema schema(
        "http",
        "Records in plain HTTP requests on `listen.http`, guarded by its tokens: NDJSON, a JSON "
        "array or object, or lines of text. Answered once they are stored."
    );
    schema.example_id("web")
        .elsewhere("Vector", {"http_server"})
        .elsewhere("Filebeat", {"http_endpoint"})
        .with(field("path", Type::kString)
                  .between(1, 255)
                  .describe("Where requests are posted to; begins with `/`.")
                  .or_else("/ingest"))
        .with(field("format", Type::kEnum)
                  .choice("auto", "by Content-Type, else by the first byte")
                  .choice("ndjson", "a JSON value a line")
                  .choice("json", "an array of records, or one")
                  .choice("text", "a record a line")
                  .describe("What a body is.")
                  .or_else("auto")
                  .elsewhere("Vector", {"decoding", "encoding"}))
        .with(field("line_key", Type::kString)
                  .between(1, 128)
                  .describe("The member of a record that becomes its line; the others become "
                            "attributes.")
                  .or_else_described("the line is the record's text, byte for byte")
                  .show("message")
                  .elsewhere("other programs", {"message_key", "body_key"}))
        .with(field("time_key", Type::kString)
                  .between(1, 128)
                  .describe("The member that is the record's time: RFC 3339, or a number of s, ms, "
                            "us or ns since 1970.")
                  .or_else_described("the time the request came")
                  .show("time")
                  .elsewhere("other programs", {"timestamp_key", "ts_key"}))
        .with(config::labels_field("Stream labels of its records."))
        .with(field("service_name", Type::kString)
                  .between(1, 256)
                  .describe("The label `service_name`.")
                  .or_else_described("the input's name")
                  .show("shop"));
    return std::make_shared<const Schema>(std::move(schema));
}

class HttpPlan final : public component::InputPlan {
  public:
    explicit HttpPlan(HttpInputOptions options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        auto input = std::make_unique<HttpInput>(options_, context.run.registry, context.run.clock);
        input->set_brake(static_cast<CollectorServices&>(context.program).brake);
        return input;
    }

  private:
    HttpInputOptions options_;
};

component::InputPlanPtr plan(const config::ObjectReader& r, component::PlanContext& context) {
    HttpInputOptions options;
    options.id = context.id;
    options.path = r.string("path");
    options.records.format = r.choice<HttpFormat>(
        "format",
        {{"auto", HttpFormat::kAuto},
         {"ndjson", HttpFormat::kNdjson},
         {"json", HttpFormat::kJson},
         {"text", HttpFormat::kText}}
    );
    options.records.line_key = r.string("line_key");
    options.records.time_key = r.string("time_key");
    options.records.labels = component::input_labels(r, context);
    if (!options.path.starts_with('/') || options.path.find('{') != std::string::npos) {
        context.diagnostics.add(
            {.code = config::kBadPath,
             .at = r.span("path"),
             .message = fmt::format("`path` of `{}` is not a path of a URL", context.id),
             .hint = "begin it with `/`, without `{`"}
        );
    }
    if (!context.has_http) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = context.id_span,
             .message = fmt::format("input `{}` needs `listen.http`, which is off", context.id),
             .hint = "give `listen.http` an address"}
        );
    }
    return std::make_shared<HttpPlan>(std::move(options));
}

}  // namespace

Result<PushBody> HttpInput::read(const net::HttpRequest& request) const {
    HttpRecordSettings settings = options_.records;
    settings.tenant = static_cast<TenantId>(request.tenant);
    settings.now = clock_.wall_now();
    return read_http_records(request.body, request.header("Content-Type").value_or(""), settings);
}

net::HttpResponse HttpInput::taken(uint64_t records) const {
    return net::HttpResponse::json(fmt::format("{{\"accepted\":{}}}\n", records));
}

component::InputType http_input_type() {
    return {make_schema(), plan};
}

}  // namespace seyir::collector::input

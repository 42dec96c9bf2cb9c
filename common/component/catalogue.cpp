// SPDX-License-Identifier: Apache-2.0
#include "common/component/catalogue.hpp"

#include <algorithm>

#include "common/config/sections/tests.hpp"

namespace seyir::component {
namespace {

template <class Type>
const Type* find(const std::vector<Type>& types, std::string_view name) {
    const auto at =
        std::ranges::find_if(types, [&](const Type& t) { return t.schema->name() == name; });
    return at == types.end() ? nullptr : &*at;
}

template <class Type>
std::vector<const config::Schema*> schemas(const std::vector<Type>& types) {
    std::vector<const config::Schema*> all;
    all.reserve(types.size());
    for (const Type& type : types) {
        all.push_back(type.schema.get());
    }
    return all;
}

}  // namespace

void Catalogue::add(InputType type) {
    inputs_.push_back(std::move(type));
}

void Catalogue::add(FilterType type) {
    filters_.push_back(std::move(type));
}

void Catalogue::add(OutputType type) {
    outputs_.push_back(std::move(type));
}

const InputType* Catalogue::input(std::string_view type) const {
    return find(inputs_, type);
}

const FilterType* Catalogue::filter(std::string_view type) const {
    return find(filters_, type);
}

const OutputType* Catalogue::output(std::string_view type) const {
    return find(outputs_, type);
}

void add_pipeline_sections(
    config::Schema& program, const Catalogue& catalogue, bool inputs_required
) {
    config::Field inputs =
        config::components("inputs", schemas(catalogue.inputs()))
            .between(inputs_required ? 1 : 0, 1000)
            .describe("Where records come from, by name. The name is the stream label `input`.")
            .elsewhere("Vector", {"sources"})
            .elsewhere("Filebeat", {"filebeat.inputs"})
            .elsewhere("promtail", {"scrape_configs"})
            .elsewhere("OpenTelemetry", {"receivers"});
    if (inputs_required) {
        inputs.required().show("{ app: { type: tail, include: ['/var/log/*.log'] } }");
    } else {
        inputs.or_else("{}");
    }
    program.with(std::move(inputs))
        .with(config::components("filters", schemas(catalogue.filters()))
                  .between(0, 1000)
                  .describe("What changes or drops records, by name; routes name them in `through`."
                  )
                  .or_else("{}")
                  .off_in_example()
                  .elsewhere("Vector", {"transforms"})
                  .elsewhere("Filebeat", {"processors"})
                  .elsewhere("OpenTelemetry", {"processors"}))
        .with(config::components("outputs", schemas(catalogue.outputs()))
                  .required()
                  .between(1, 100)
                  .describe("Where records go, by name.")
                  .show(
                      inputs_required ? "{ central: { type: collector, endpoints: "
                                        "['127.0.0.1:7410'] } }"
                                      : "{ store: { type: store } }"
                  )
                  .elsewhere("Vector", {"sinks"})
                  .elsewhere("promtail", {"clients"})
                  .elsewhere(
                      "Filebeat",
                      {"output", "output.elasticsearch", "output.logstash", "output.kafka"}
                  )
                  .elsewhere("OpenTelemetry", {"exporters"}))
        .with(config::routes_field())
        .with(config::tests_field());
}

}  // namespace seyir::component

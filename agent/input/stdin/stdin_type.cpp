// SPDX-License-Identifier: Apache-2.0
#include "agent/input/stdin/stdin_type.hpp"

#include <csignal>
#include <utility>

#include <unistd.h>

#include "agent/input/stdin/stdin_input.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::agent::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

std::shared_ptr<const Schema> make_schema() {
    Schema schema("stdin", "Lines of the agent's standard input: `program | seyir-agent`.");
    schema.example_id("pipe")
        .with(field("at_end", Type::kEnum)
                  .choice("stop", "the agent stops, once every line is on its disk")
                  .choice("stay", "the agent goes on")
                  .describe("What happens when the input ends.")
                  .or_else("stop"))
        .with(field("max_line", Type::kBytes)
                  .between(kKiB, kMiB)
                  .describe("A longer line becomes several records, and is counted.")
                  .or_else("1MiB")
                  .elsewhere("Vector", {"max_length"})
                  .elsewhere("Fluent Bit", {"Buffer_Size"}))
        .with(field("max_in_flight", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Memory for lines that no output has taken yet; then whoever writes "
                            "into the pipe waits.")
                  .or_else("32MiB"))
        .with(config::labels_field("Stream labels of its records."))
        .with(field("service_name", Type::kString)
                  .between(1, 256)
                  .describe("The label `service_name`.")
                  .or_else_described("the input's name")
                  .show("shop"));
    return std::make_shared<const Schema>(std::move(schema));
}

class StdinPlan final : public component::InputPlan {
  public:
    explicit StdinPlan(StdinSetup setup) : setup_(std::move(setup)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        return std::make_unique<StdinInput>(setup_, context.run.clock, context.run.registry);
    }

  private:
    const StdinSetup setup_;
};

}  // namespace

component::InputType stdin_input_type() {
    return {
        make_schema(),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::InputPlanPtr {
            StdinSetup setup;
            setup.id = context.id;
            setup.labels = component::input_labels(r, context);
            setup.max_line_bytes = r.bytes("max_line");
            setup.in_flight_bytes_max = r.bytes("max_in_flight");
            if (r.string("at_end") == "stop") {
                // The program stops as an operator would have it stop.
                setup.on_end = [] { ::kill(::getpid(), SIGTERM); };
            }
            return std::make_shared<StdinPlan>(std::move(setup));
        }
    };
}

}  // namespace seyir::agent::input

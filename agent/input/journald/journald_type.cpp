// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journald_type.hpp"

#include <utility>

#include <fmt/format.h>

#include "agent/input/agent_services.hpp"
#include "agent/input/journald/journald_input.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::agent::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

std::shared_ptr<const Schema> make_schema() {
    Schema schema("journald", "Entries of systemd's journal.");
    schema.example_id("journal")
        .elsewhere("Fluent Bit", {"systemd"})
        .elsewhere("promtail", {"journal"})
        .with(field("directory", Type::kPath)
                  .describe("A folder of journal files.")
                  .or_else_described("this host's journal")
                  .show("/var/log/journal/remote")
                  .elsewhere("Vector", {"journal_directory"})
                  .elsewhere("Fluent Bit", {"Path"})
                  .elsewhere("promtail", {"path"}))
        .with(list_of("units", field("", Type::kString).between(1, 256))
                  .between(0, 1000)
                  .describe("Only entries of these units; a name without a dot is a service.")
                  .or_else("[]")
                  .show("[nginx, postgresql]")
                  .elsewhere("Vector", {"include_units"}))
        .with(list_of("matches", field("", Type::kString).between(3, 4096))
                  .between(0, 1000)
                  .describe("Only entries with these fields, as journalctl takes them: of one "
                            "field any, of several all.")
                  .or_else("[]")
                  .show("[_TRANSPORT=kernel]")
                  .elsewhere("Vector", {"include_matches"})
                  .elsewhere("Fluent Bit", {"Systemd_Filter"})
                  .elsewhere("Filebeat", {"include_matches"}))
        .with(field("start_at", Type::kEnum)
                  .choice("beginning", "all the journal holds")
                  .choice("end", "only what comes from now on")
                  .describe("Where to begin in a journal that was never read before.")
                  .or_else("beginning")
                  .elsewhere("Fluent Bit", {"Read_From_Tail"})
                  .elsewhere("Filebeat", {"seek"}))
        .with(field("max_in_flight", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Memory for entries that no output has taken yet; then reading waits.")
                  .or_else("32MiB"))
        .with(config::labels_field("Stream labels of its records; `unit` is added."))
        .with(field("service_name", Type::kString)
                  .between(1, 256)
                  .describe("The label `service_name`.")
                  .or_else_described("the unit's name, else the identifier")
                  .show("host"));
    return std::make_shared<const Schema>(std::move(schema));
}

class JournaldPlan final : public component::InputPlan {
  public:
    explicit JournaldPlan(JournaldSetup setup) : setup_(std::move(setup)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        auto& services = static_cast<AgentServices&>(context.program);
        return std::make_unique<JournaldInput>(
            setup_,
            JournaldDeps{
                .clock = context.run.clock,
                .registry = context.run.registry,
                .checkpoints = services.checkpoints,
                .positions = services.positions[context.run.id],
            }
        );
    }

    bool has_positions() const override { return true; }

  private:
    const JournaldSetup setup_;
};

component::InputPlanPtr plan(const config::ObjectReader& r, component::PlanContext& context) {
    JournaldSetup setup;
    setup.id = context.id;
    setup.labels = component::input_labels(r, context);
    setup.has_service_name = r.has("service_name");
    setup.place.directory = r.has("directory") ? r.path("directory") : "";
    setup.from_end = r.string("start_at") == "end";
    setup.in_flight_bytes_max = r.bytes("max_in_flight");
    for (const std::string& unit : r.strings("units")) {
        const bool has_type = unit.find('.') != std::string::npos;
        setup.place.matches.push_back("_SYSTEMD_UNIT=" + unit + (has_type ? "" : ".service"));
    }
    const std::vector<std::string> matches = r.strings("matches");
    for (size_t i = 0; i < matches.size(); ++i) {
        const size_t equals = matches[i].find('=');
        if (equals == std::string::npos || equals == 0) {
            context.diagnostics.add(
                {.code = config::kNotAllowed,
                 .at = r.item_span("matches", i),
                 .message = fmt::format("`{}` is not FIELD=value", matches[i]),
                 .hint = "write it as journalctl takes it: _TRANSPORT=kernel"}
            );
            return nullptr;
        }
        setup.place.matches.push_back(matches[i]);
    }
    return setup.labels == nullptr ? nullptr : std::make_shared<JournaldPlan>(std::move(setup));
}

}  // namespace

component::InputType journald_input_type() {
    return {make_schema(), plan};
}

}  // namespace seyir::agent::input

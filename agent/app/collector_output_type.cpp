// SPDX-License-Identifier: Apache-2.0
#include "agent/app/collector_output_type.hpp"

#include <utility>

#include "agent/input/agent_services.hpp"
#include "common/buffer/options.hpp"
#include "common/ship/collector_output.hpp"
#include "common/ship/collector_output_schema.hpp"
#include "common/ship/make_setup.hpp"

namespace seyir::agent {
Result<std::unique_ptr<pipeline::Output>> CollectorPlan::instantiate(
    const component::RunContext& context
) {
    auto& services = static_cast<input::AgentServices&>(*context.program);
    SEYIR_TRY(
        ship::ShipSetup setup,
        ship::make_ship_setup(
            options_, context.id, context.state_dir, context.host_name, context.files
        )
    );
    if (!setup.identity.forked.empty()) {
        // The new id has no lanes yet: they start at the checkpoint, not at zero.
        services.checkpoints.note_fork();
        SEYIR_CHECK(services.checkpoints.write_now());
    }
    return std::make_unique<ship::CollectorOutput>(
        std::move(setup), context.files, context.clock, context.registry
    );
}

component::OutputType collector_output_type() {
    config::Schema schema = ship::collector_output_schema();
    schema.with(buffer::buffer_field(buffer::BufferOptions::Kind::kSpool));
    return {
        std::make_shared<const config::Schema>(std::move(schema)),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::OutputPlanPtr {
            ship::check_collector_output(r, context.checks);
            return std::make_shared<CollectorPlan>(ship::read_collector_output(r));
        }
    };
}

}  // namespace seyir::agent

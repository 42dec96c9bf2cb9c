// SPDX-License-Identifier: Apache-2.0
#include "collector/output/store_type.hpp"

#include "collector/output/store_output.hpp"
#include "collector/retention/class_schema.hpp"
#include "collector/services/collector_services.hpp"
#include "collector/store/store_schema.hpp"

namespace seyir::collector {

Result<std::unique_ptr<pipeline::Output>> StorePlan::instantiate(
    const component::RunContext& context
) {
    auto& services = static_cast<CollectorServices&>(*context.program);
    return std::make_unique<StoreOutput>(services.store, kStoreOutput);
}

component::OutputType store_output_type() {
    config::Schema schema = store::store_schema();
    schema.with(retention::classes_field())
        .with(retention::max_size_field())
        .with(retention::clean_up_field())
        .with(backup::backup_field());
    return {
        std::make_shared<const config::Schema>(std::move(schema)),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::OutputPlanPtr {
            store::check_store(r, context.diagnostics);
            return std::make_shared<StorePlan>(
                store::read_store(r),
                retention::read_clean_up(r, context),
                backup::read_backup(r, context)
            );
        }
    };
}

}  // namespace seyir::collector

// SPDX-License-Identifier: Apache-2.0
#include "collector/output/store_type.hpp"

#include "collector/output/store_output.hpp"
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
    return {
        std::make_shared<const config::Schema>(store::store_schema()),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::OutputPlanPtr {
            store::check_store(r, context.diagnostics);
            return std::make_shared<StorePlan>(store::read_store(r));
        }
    };
}

}  // namespace seyir::collector

// SPDX-License-Identifier: Apache-2.0
// The key `clean_up` of the `store` output: when and how days past retention go; and reading it
// together with class_schema.hpp.
// Threads: pure.
#pragma once

#include "collector/retention/clean_up_options.hpp"
#include "common/component/types.hpp"

namespace seyir::collector::retention {

config::Field clean_up_field();
/// `store`: what stands under the output. Mistakes become diagnostics.
CleanUpConfig read_clean_up(const config::ObjectReader& store, component::PlanContext& context);

}  // namespace seyir::collector::retention

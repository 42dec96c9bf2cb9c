// SPDX-License-Identifier: Apache-2.0
// The keys `retention_classes` and `max_size` of the `store` output: what is kept longer or shorter
// than the rest, and how much in all.
// Threads: pure.
#pragma once

#include <vector>

#include "collector/retention/clean_up_options.hpp"
#include "common/component/types.hpp"
#include "common/logql/matcher.hpp"

namespace seyir::collector::retention {

inline constexpr size_t kClassesMax = 32;

config::Field classes_field();
config::Field max_size_field();
/// `store`: what stands under the output. Mistakes become diagnostics.
std::vector<ClassConfig> read_classes(
    const config::ObjectReader& store, component::PlanContext& context
);

/// kInvalidArgument with line and column for a selector that is none.
Result<logql::StreamMatcher> compile_class(const ClassConfig& config);

}  // namespace seyir::collector::retention

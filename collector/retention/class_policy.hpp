// SPDX-License-Identifier: Apache-2.0
// make_policy(): what the store does with the classes an operator wrote.
// Threads: pure function.   Errors: of compile_class.
#pragma once

#include "collector/retention/clean_up_options.hpp"
#include "collector/store/retention_policy.hpp"
#include "common/base/result.hpp"

namespace seyir::collector::retention {

Result<store::RetentionPolicy> make_policy(Nanos all, const std::vector<ClassConfig>& classes);

}  // namespace seyir::collector::retention

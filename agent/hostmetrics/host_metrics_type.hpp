// SPDX-License-Identifier: Apache-2.0
// The input type `host_metrics`.   Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::agent::hostmetrics {

component::InputType host_metrics_input_type();

}  // namespace seyir::agent::hostmetrics

// SPDX-License-Identifier: Apache-2.0
// The input types that exist in the collector only: `agents` and `loki`.
// Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::collector::input {

component::InputType agents_input_type();
component::InputType loki_input_type();

}  // namespace seyir::collector::input

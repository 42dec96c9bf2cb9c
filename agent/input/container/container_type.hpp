// SPDX-License-Identifier: Apache-2.0
// The input type `container`.   Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::agent::input {

component::InputType container_input_type();

}  // namespace seyir::agent::input

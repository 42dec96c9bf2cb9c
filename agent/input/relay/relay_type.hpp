// SPDX-License-Identifier: Apache-2.0
// The input type `http_relay`.   Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::agent::input {

component::InputType relay_input_type();

}  // namespace seyir::agent::input

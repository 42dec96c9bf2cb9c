// SPDX-License-Identifier: Apache-2.0
// The input type `journald`.   Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::agent::input {

component::InputType journald_input_type();

}  // namespace seyir::agent::input

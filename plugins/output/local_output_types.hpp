// SPDX-License-Identifier: Apache-2.0
// The output types that end on this machine: `file`, `stdout`, `null`. None needs a buffer: what
// they answer for is written, and while they refuse, the sources wait.
// Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::OutputType file_output_type();
component::OutputType stdout_output_type();
component::OutputType null_output_type();

}  // namespace seyir::plugins

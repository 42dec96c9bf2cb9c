// SPDX-License-Identifier: Apache-2.0
// The output type `slack`.
// Threads: called while the catalogue is built; plans are made on the loading thread.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::OutputType slack_output_type();

}  // namespace seyir::plugins

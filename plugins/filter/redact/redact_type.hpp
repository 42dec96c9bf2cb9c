// SPDX-License-Identifier: Apache-2.0
// The filter type `redact`: its keys, and how they become rules.
// Threads: called while the catalogue is built; plans are made on the loading thread.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

/// Sensitive: its failures never let a record through.
component::FilterType redact_filter_type();

}  // namespace seyir::plugins

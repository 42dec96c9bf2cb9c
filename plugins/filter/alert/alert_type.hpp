// SPDX-License-Identifier: Apache-2.0
// The filter type `alert`. The first instance fills the rule's window from the program's
// alert_refill(), where there is one.
// Threads: called while the catalogue is built; plans are made on the loading thread.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType alert_filter_type();

}  // namespace seyir::plugins

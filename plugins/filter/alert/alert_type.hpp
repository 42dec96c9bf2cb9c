// SPDX-License-Identifier: Apache-2.0
// The filter type `alert`. Its plan is an alert::WantsRefill: a program with a store gives it a
// source before the first instantiate().
// Threads: called while the catalogue is built; plans are made on the loading thread.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType alert_filter_type();

}  // namespace seyir::plugins

// SPDX-License-Identifier: Apache-2.0
// The filters `drop` and `keep`: records a LogQL condition selects end here, or alone go on.
// Room: BatchView -> a smaller BatchView of the same batch; nothing is copied.
// Threads: instances are independent; a plan is immutable.
// Errors: a record whose condition ends in __error__ does not match: `drop` lets it pass, `keep`
// drops it under the reason `condition_error`.   Spec: docs/guide/filters.md.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType drop_filter_type();
component::FilterType keep_filter_type();

}  // namespace seyir::plugins

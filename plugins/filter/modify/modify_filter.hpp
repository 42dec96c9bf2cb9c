// SPDX-License-Identifier: Apache-2.0
// The filter `modify`: typed set, rename, remove and convert, in order, each with an `if:`.
// Room: BatchView -> BatchView with the same rows.
// Threads: instances are independent.
// Errors: a record that cannot be changed fails as it came in, with the field's name; `on_error`
// decides (default: keep).   Spec: docs/guide/filters.md.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType modify_filter_type();

}  // namespace seyir::plugins

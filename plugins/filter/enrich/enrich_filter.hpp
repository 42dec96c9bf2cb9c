// SPDX-License-Identifier: Apache-2.0
// The filter `enrich`: attributes that are the same for every record (`static`), or that a file
// gives for a key (`lookup`).
// Room: BatchView -> BatchView with the same rows.
// Threads: instances share the file's table; one of them looks for changes.
// Errors: a file that cannot be read when the program starts is an error of the configuration; one
// that breaks later leaves the old content in use (seyir_filter_enrich_reload_failures_total).
// Limits: those of LookupTable; 512 attributes a record, then the rest is left out (counted).
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType enrich_filter_type();

}  // namespace seyir::plugins

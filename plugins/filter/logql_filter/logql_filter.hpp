// SPDX-License-Identifier: Apache-2.0
// The filter `logql`: a LogQL log query on records as they pass. It may test, write the line anew
// (`line_format`) and take attributes away (`drop`, `keep`); labels its parsers extract are
// scratch. Room: BatchView -> a BatchView of the same batch where only tests decide, else of a
// changed one. Threads: instances are independent. Errors: a record that ends with __error__ fails
// as it came; `on_error` decides (default: keep). Limits: 4 MiB of templates' output a record,
// all stages together; a line of 1 MiB; new lines of one batch 64 MiB. Spec: docs/guide/logql.md,
// docs/guide/filters.md.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType logql_filter_type();

}  // namespace seyir::plugins

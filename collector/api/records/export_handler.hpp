// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/export?match=&start=&end=: records, whole, a page at a time, as JSON lines.
// Threads: as the handlers of queries, with their admission and deadline; stops when the client has
// gone.   Errors: before the first piece an HTTP status; later the last line tells.
// Format: docs/format/export.md.
#pragma once

#include "collector/api/handlers.hpp"

namespace seyir::collector::api {

void handle_export(const Context& context, const net::HttpExchangePtr& exchange);

}  // namespace seyir::collector::api

// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/retention: when the clean-up runs, what it did last, what it would do now.
// POST /api/v1/retention/run[?dry_run=true][&confirm=true]: runs it; answers when it is done.
// Threads: handlers run on the lane for queries and reports, since archives take time.
#pragma once

#include <vector>

#include "collector/retention/clean_up_service.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::retention {

std::vector<net::HttpRoute> retention_routes(
    CleanUpService& service, const CleanUpOptions& options
);

}  // namespace seyir::collector::retention

// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/backup: the backups, when the next is due, how far a running one is, what the last
// one did. POST /api/v1/backup/run[?recheck=true]: begins one and answers with its number; it is
// done when `runs` has reached that.
// Threads: handlers are thread-safe.   Ownership: the service outlives the server.
#pragma once

#include <vector>

#include "collector/backup/backup_service.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::backup {

/// `service` may be null: no backup is configured, and the answers say so.
std::vector<net::HttpRoute> backup_routes(BackupService* service);

}  // namespace seyir::collector::backup

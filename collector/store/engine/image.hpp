// SPDX-License-Identifier: Apache-2.0
// hold_image: the store's part of a backup (collector/store/backup_image.hpp).
// Threads: any; one at a time.   Errors: the database's and the file system's.
#pragma once

#include "collector/store/backup_image.hpp"
#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"

namespace seyir::store {

Result<BackupImagePtr> hold_image(Core& core, Committer& committer);

}  // namespace seyir::store

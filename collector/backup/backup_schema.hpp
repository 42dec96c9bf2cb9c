// SPDX-License-Identifier: Apache-2.0
// The key `backup` of the `store` output: where to, when, how many.
// Threads: pure.
#pragma once

#include "collector/backup/backup_options.hpp"
#include "common/component/types.hpp"

namespace seyir::collector::backup {

config::Field backup_field();
/// `store`: what stands under the output. Mistakes become diagnostics.
BackupConfig read_backup(const config::ObjectReader& store, component::PlanContext& context);

}  // namespace seyir::collector::backup

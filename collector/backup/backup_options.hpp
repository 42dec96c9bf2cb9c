// SPDX-License-Identifier: Apache-2.0
// What an operator can say about backups, under `backup` of the `store` output.
#pragma once

#include <cstdint>
#include <string>

#include "collector/schedule/schedule_options.hpp"

namespace seyir::collector::backup {

struct BackupConfig {
    std::string path;  ///< "": no backups
    schedule::ScheduleConfig schedule;
    uint32_t keep = 7;
};

}  // namespace seyir::collector::backup

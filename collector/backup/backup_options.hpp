// SPDX-License-Identifier: Apache-2.0
// What an operator can say about backups, under `backup` of the `store` output.
#pragma once

#include <cstdint>
#include <string>

namespace seyir::collector::backup {

struct BackupConfig {
    std::string path;  ///< "": no backups
    std::string schedule = "30 3 * * *";
    std::string timezone = "local";
    uint32_t attempts = 5;
    uint32_t keep = 7;
};

}  // namespace seyir::collector::backup

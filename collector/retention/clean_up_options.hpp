// SPDX-License-Identifier: Apache-2.0
// What an operator can say about retention and the clean-up, under the `store` output.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/schedule/schedule_options.hpp"
#include "common/base/time.hpp"

namespace seyir::collector::retention {

enum class OnArchiveFailure {
    kKeep,          ///< nothing is dropped without its archive
    kDeleteOldest,  ///< at the hard disk mark the oldest day goes without one
};

/// Streams with a retention of their own.
struct ClassConfig {
    std::string match;  ///< a selector
    Nanos retention{0};

    bool operator==(const ClassConfig&) const = default;
};

struct CleanUpConfig {
    std::vector<ClassConfig> classes;  ///< the first that matches decides
    uint64_t file_bytes_max = 0;       ///< of sealed segments; 0: any number
    schedule::ScheduleConfig schedule{.cron = "0 3 * * *"};
    std::string archive_directory;  ///< "": days are dropped without an archive
    Nanos archive_keep{0};          ///< archives of older days are removed; 0 keeps them
    OnArchiveFailure on_archive_failure = OnArchiveFailure::kKeep;
};

}  // namespace seyir::collector::retention

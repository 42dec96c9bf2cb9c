// SPDX-License-Identifier: Apache-2.0
// What an operator can say about the clean-up, under `clean_up` of the `store` output.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/time.hpp"

namespace seyir::collector::retention {

enum class OnArchiveFailure {
    kKeep,          ///< nothing is dropped without its archive
    kDeleteOldest,  ///< at the hard disk mark the oldest day goes without one
};

struct CleanUpConfig {
    std::string schedule = "0 3 * * *";
    std::string timezone = "local";
    uint32_t attempts = 5;
    std::string archive_directory;  ///< "": days are dropped without an archive
    Nanos archive_keep{0};          ///< archives of older days are removed; 0 keeps them
    OnArchiveFailure on_archive_failure = OnArchiveFailure::kKeep;
};

}  // namespace seyir::collector::retention

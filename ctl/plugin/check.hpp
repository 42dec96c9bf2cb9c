// SPDX-License-Identifier: Apache-2.0
// `seyir plugin check`: is this file a plugin that may run? Loads it in a process of its own and
// tries each filter: description, configuration, random batches, no memory, several workers, time.
// Threads: starts some, in the child.   Errors: in the report.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/result.hpp"

namespace seyir::ctl {

struct CheckOptions {
    std::string file;
    /// YAML of one filter's keys, instead of defaults and examples; "" = none.
    std::string settings_text;
    uint64_t seed = 1;
    uint64_t batches = 1000;
    std::chrono::seconds timeout{120};
};

struct CheckReport {
    std::string text;
    bool is_good = false;
};

Result<CheckReport> check_plugin(const CheckOptions& options);

}  // namespace seyir::ctl

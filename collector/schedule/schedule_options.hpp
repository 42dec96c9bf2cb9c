// SPDX-License-Identifier: Apache-2.0
// What an operator can say about when a job of the collector runs.
#pragma once

#include <cstdint>
#include <string>

namespace seyir::collector::schedule {

struct ScheduleConfig {
    std::string cron;
    std::string timezone = "local";
    uint32_t attempts = 5;
};

}  // namespace seyir::collector::schedule

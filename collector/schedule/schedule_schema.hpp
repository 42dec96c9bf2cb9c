// SPDX-License-Identifier: Apache-2.0
// The keys `schedule`, `timezone` and `attempts` of a job: their fields, reading them, and the
// schedule they make.
// Threads: pure.
#pragma once

#include <string>

#include "collector/schedule/run_plan.hpp"
#include "collector/schedule/schedule_options.hpp"
#include "common/component/types.hpp"
#include "common/io/file_system.hpp"

namespace seyir::collector::schedule {

/// `run`: what the job is called in its help ("a backup").
void add_schedule_fields(config::Schema& schema, const std::string& run, std::string cron);

/// Mistakes become diagnostics.
ScheduleConfig read_schedule(const config::ObjectReader& job, component::PlanContext& context);

/// Errors: a schedule or a time zone that cannot be read any more.
Result<RunSchedule> make_schedule(const ScheduleConfig& config, io::FileSystem& files);

}  // namespace seyir::collector::schedule

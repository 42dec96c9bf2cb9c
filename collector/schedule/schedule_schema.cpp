// SPDX-License-Identifier: Apache-2.0
#include "collector/schedule/schedule_schema.hpp"

#include <utility>

namespace seyir::collector::schedule {

using config::field;
using config::Type;

void add_schedule_fields(config::Schema& schema, const std::string& run, std::string cron) {
    schema
        .with(
            field("schedule", Type::kString)
                .between(1, 255)
                .describe("When, as in crontab(5): minute, hour, day of month, month, day of week; "
                          "or @hourly, @daily, @weekly, ... A run that was missed is made up for "
                          "at start.")
                .or_else(std::move(cron))
                .elsewhere("other programs", {"cron"})
        )
        .with(field("timezone", Type::kString)
                  .between(1, 255)
                  .describe("Whose clocks `schedule` means: `local`, `UTC`, or a name as "
                            "`Europe/Istanbul`.")
                  .or_else("local"))
        .with(field("attempts", Type::kInt)
                  .between(1, 100)
                  .describe(
                      "How often " + run +
                      " that fails is tried, with growing pauses, before it waits for the "
                      "next scheduled one."
                  )
                  .or_else("5"));
}

ScheduleConfig read_schedule(const config::ObjectReader& job, component::PlanContext& context) {
    ScheduleConfig out{
        .cron = job.string("schedule"),
        .timezone = job.string("timezone"),
        .attempts = static_cast<uint32_t>(job.integer("attempts"))
    };
    if (const auto cron = CronSchedule::parse(out.cron); !cron) {
        component::add_value_error(context, job, "schedule", config::kNotTime, cron.error());
    } else if (!cron->next_after(UnixNanos{0}, TimeZone())) {
        const Error never = fail(
            ErrorCode::kInvalidArgument, "`" + out.cron + "` never comes: no month has that day"
        );
        component::add_value_error(context, job, "schedule", config::kNotTime, never);
    }
    const bool is_known = is_zone_name(out.timezone);
    const auto zone = context.checks.files == nullptr || !is_known
                          ? Result<TimeZone>(TimeZone())
                          : TimeZone::load(out.timezone, *context.checks.files);
    if (!is_known || !zone) {
        const Error error =
            is_known ? zone.error()
                     : fail(ErrorCode::kInvalidArgument, "no time zone `" + out.timezone + "`");
        component::add_value_error(context, job, "timezone", config::kNotTime, error);
    }
    return out;
}

Result<RunSchedule> make_schedule(const ScheduleConfig& config, io::FileSystem& files) {
    SEYIR_TRY(auto cron, CronSchedule::parse(config.cron));
    SEYIR_TRY(auto zone, TimeZone::load(config.timezone, files));
    return RunSchedule{
        .cron = std::move(cron), .zone = std::move(zone), .attempts = config.attempts
    };
}

}  // namespace seyir::collector::schedule

// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup_schema.hpp"

#include "collector/retention/cron.hpp"

namespace seyir::collector::backup {

using config::field;
using config::Schema;
using config::Type;

config::Field backup_field() {
    Schema schema("backup", "Backups of the store while it runs; see `seyir backup`.");
    schema
        .with(field("path", Type::kPath)
                  .required()
                  .describe("The folder of the backups, for this store alone; better on another "
                            "disk. What did not change since the last one is not copied again.")
                  .show("/var/backups/seyir/store")
                  .elsewhere("other programs", {"directory", "location", "repository"}))
        .with(
            field("schedule", Type::kString)
                .between(1, 255)
                .describe("When, as in crontab(5): minute, hour, day of month, month, day of week; "
                          "or @daily, @hourly, ... A run that was missed is made up for at start.")
                .or_else("30 3 * * *")
                .elsewhere("other programs", {"cron"})
        )
        .with(field("timezone", Type::kString)
                  .between(1, 255)
                  .describe("Whose clocks `schedule` means: `local`, `UTC`, or a name as "
                            "`Europe/Istanbul`.")
                  .or_else("local"))
        .with(field("keep", Type::kInt)
                  .between(1, 10'000)
                  .describe("So many backups stay; older ones are removed after a new one is done.")
                  .or_else("7"))
        .with(field("attempts", Type::kInt)
                  .between(1, 100)
                  .describe("How often a backup that fails is tried, with growing pauses, before "
                            "it waits for the next scheduled one.")
                  .or_else("5"));
    return config::object("backup", std::move(schema)).or_else_described("no backups");
}

BackupConfig read_backup(const config::ObjectReader& store, component::PlanContext& context) {
    BackupConfig out;
    if (!store.has("backup")) {
        return out;
    }
    const config::ObjectReader r = store.nested("backup");
    out.path = r.path("path");
    out.schedule = r.string("schedule");
    out.timezone = r.string("timezone");
    out.keep = static_cast<uint32_t>(r.integer("keep"));
    out.attempts = static_cast<uint32_t>(r.integer("attempts"));
    if (const auto cron = retention::CronSchedule::parse(out.schedule); !cron) {
        component::add_value_error(context, r, "schedule", config::kNotTime, cron.error());
    }
    const bool is_known = is_zone_name(out.timezone);
    const auto zone = context.checks.files == nullptr || !is_known
                          ? Result<TimeZone>(TimeZone())
                          : TimeZone::load(out.timezone, *context.checks.files);
    if (!is_known || !zone) {
        const Error error =
            is_known ? zone.error()
                     : fail(ErrorCode::kInvalidArgument, "no time zone `" + out.timezone + "`");
        component::add_value_error(context, r, "timezone", config::kNotTime, error);
    }
    return out;
}

}  // namespace seyir::collector::backup

// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup_schema.hpp"

#include "collector/schedule/schedule_schema.hpp"

namespace seyir::collector::backup {

using config::field;
using config::Schema;
using config::Type;

config::Field backup_field() {
    Schema schema("backup", "Backups of the store while it runs; see `seyir backup`.");
    schema.with(field("path", Type::kPath)
                    .required()
                    .describe("The folder of the backups, for this store alone; better on another "
                              "disk. What did not change since the last one is not copied again.")
                    .show("/var/backups/seyir/store")
                    .elsewhere("other programs", {"directory", "location", "repository"}));
    schedule::add_schedule_fields(schema, "a backup", "30 3 * * *");
    schema.with(
        field("keep", Type::kInt)
            .between(1, 10'000)
            .describe("So many backups stay; older ones are removed after a new one is done.")
            .or_else("7")
    );
    return config::object("backup", std::move(schema)).or_else_described("no backups");
}

BackupConfig read_backup(const config::ObjectReader& store, component::PlanContext& context) {
    BackupConfig out;
    if (!store.has("backup")) {
        return out;
    }
    const config::ObjectReader r = store.nested("backup");
    out.path = r.path("path");
    out.schedule = schedule::read_schedule(r, context);
    out.keep = static_cast<uint32_t>(r.integer("keep"));
    return out;
}

}  // namespace seyir::collector::backup

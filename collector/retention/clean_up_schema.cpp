// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/clean_up_schema.hpp"

#include <algorithm>

#include "collector/retention/class_schema.hpp"
#include "collector/schedule/schedule_schema.hpp"

namespace seyir::collector::retention {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kDay = 86'400'000'000'000;

Schema archive_schema() {
    Schema archive("archive", "A file of each day before it is dropped: JSON lines, gzip.");
    archive
        .with(field("directory", Type::kPath)
                  .required()
                  .describe("Where the files go; better on another disk.")
                  .show("/var/backups/seyir/archive"))
        .with(field("keep", Type::kDuration)
                  .between(kDay, 36'500 * kDay)
                  .describe("Files of days older than this are removed.")
                  .or_else_described("they stay")
                  .show("730d"));
    return archive;
}

}  // namespace

config::Field clean_up_field() {
    Schema schema("clean_up", "When and how days past `retention` go.");
    schedule::add_schedule_fields(schema, "a run", CleanUpConfig().schedule.cron);
    schema.with(config::object("archive", archive_schema()).or_else_described("none"))
        .with(field("on_archive_failure", Type::kEnum)
                  .choice("keep", "nothing is dropped without its file")
                  .choice(
                      "delete_oldest",
                      "when free space is below `min_free.hard`, the oldest day that is due goes "
                      "without "
                      "one"
                  )
                  .describe("What happens to a day whose file cannot be written.")
                  .or_else("keep"));
    return config::object("clean_up", std::move(schema));
}

namespace {

/// An archive is of a day past its retention: kept no longer than that it goes at once.
void check_keep(
    const config::ObjectReader& store, const CleanUpConfig& config, component::PlanContext& context
) {
    Nanos longest = store.duration("retention");
    for (const ClassConfig& one : config.classes) {
        longest = std::max(longest, one.retention);
    }
    if (config.archive_keep.count() == 0 || config.archive_keep > longest) {
        return;
    }
    context.diagnostics.add(
        {.code = config::kOrder,
         .at = store.nested("clean_up").nested("archive").span("keep"),
         .message = "`archive.keep` is not longer than what records are kept for: an archive would "
                    "be removed as soon as it is there",
         .hint = "it counts from the day the records are of; make it longer than `retention` and "
                 "those of `retention_classes`"}
    );
}

}  // namespace

CleanUpConfig read_clean_up(const config::ObjectReader& store, component::PlanContext& context) {
    const config::ObjectReader r = store.nested("clean_up");
    CleanUpConfig out;
    out.classes = read_classes(store, context);
    out.file_bytes_max = store.has("max_size") ? store.bytes("max_size") : 0;
    out.schedule = schedule::read_schedule(r, context);
    out.on_archive_failure = r.choice<OnArchiveFailure>(
        "on_archive_failure",
        {{"keep", OnArchiveFailure::kKeep}, {"delete_oldest", OnArchiveFailure::kDeleteOldest}}
    );
    if (r.has("archive")) {
        const config::ObjectReader archive = r.nested("archive");
        out.archive_directory = archive.path("directory");
        out.archive_keep = archive.has("keep") ? archive.duration("keep") : Nanos(0);
    }
    if (out.on_archive_failure == OnArchiveFailure::kDeleteOldest &&
        out.archive_directory.empty()) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = r.span("on_archive_failure"),
             .message = "`on_archive_failure: delete_oldest` says nothing without `archive`",
             .hint = "add `archive: { directory: ... }`; without one, days go without a file anyway"
            }
        );
    }
    check_keep(store, out, context);
    return out;
}

}  // namespace seyir::collector::retention

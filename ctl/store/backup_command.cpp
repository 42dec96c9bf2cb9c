// SPDX-License-Identifier: Apache-2.0
// seyir backup: the backups of a running collector, and making one now.
#include <string>
#include <thread>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/json/reader.hpp"
#include "ctl/print/answer_fields.hpp"
#include "ctl/print/transfer_progress.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr auto kAskAgain = std::chrono::milliseconds(200);

std::string report_text(const json::View& report) {
    if (!flag_of(report, "ok")) {
        return "the backup failed: " + text_of(report, "error") + "\n";
    }
    std::string out = fmt::format(
        "backup {}: {} records, {} files of {}; copied {} files of {} in {}\n",
        text_of(report, "id"),
        grouped(count_of(report, "records")),
        count_of(report, "files"),
        format_bytes(count_of(report, "bytes")),
        count_of(report, "copied_files"),
        format_bytes(count_of(report, "copied_bytes")),
        format_duration(std::chrono::milliseconds(count_of(report, "took_ms")))
    );
    if (const auto removed = report.get("removed")) {
        removed->for_each_element([&](const json::View& id) {
            out += fmt::format("removed the old backup {}\n", id.string().value_or(""));
            return true;
        });
    }
    if (const auto damaged = report.get("damaged")) {
        damaged->for_each_element([&](const json::View& file) {
            out += fmt::format("DAMAGED in the store: {}\n", file.string().value_or(""));
            return true;
        });
    }
    return out;
}

std::string state_text(const json::View& state) {
    std::string out;
    if (const auto backups = state.get("backups")) {
        backups->for_each_element([&](const json::View& backup) {
            out += fmt::format(
                "{:<20}  {:>16} records  {:>10} of lines  {:>10} in {} files\n",
                text_of(backup, "id"),
                grouped(count_of(backup, "records")),
                format_bytes(count_of(backup, "raw_bytes")),
                format_bytes(count_of(backup, "bytes")),
                count_of(backup, "files")
            );
            return true;
        });
    }
    const std::string folder = text_of(state, "folder");
    out = out.empty() ? "no backup in " + folder + " yet\n"
                      : fmt::format("in {} (keeps {}):\n", folder, count_of(state, "keep")) + out;
    if (const std::string error = text_of(state, "error"); !error.empty()) {
        out += "cannot be read: " + error + "\n";
    }
    const std::string next = text_of(state, "next");
    out += "next backup: " + (next.empty() ? "never" : next) +
           (flag_of(state, "running") ? " (one is running)\n" : "\n");
    if (const auto last = state.get("last"); last && last->is_object()) {
        out += fmt::format("last, at {}: {}", text_of(*last, "time"), report_text(*last));
    }
    return out;
}

Result<void> show(Session& session) {
    SEYIR_TRY(const std::string body, session.get("/api/v1/backup"));
    json::Document document;
    SEYIR_TRY(const json::View state, document.parse(body));
    return print(session.style().form == OutputForm::kHuman ? state_text(state) : body);
}

Result<void> run_now(Session& session, const Arguments& arguments, bool& failed) {
    const std::string path =
        std::string("/api/v1/backup/run") + (arguments.has("recheck") ? "?recheck=true" : "");
    SEYIR_TRY(const std::string begun, session.post(path));
    json::Document document;
    SEYIR_TRY(const json::View answer, document.parse(begun));
    const uint64_t run = count_of(answer, "run");
    const std::string life = text_of(answer, "life");
    TransferProgress bar("backup");
    while (true) {
        SEYIR_TRY(const std::string body, session.get("/api/v1/backup"));
        SEYIR_TRY(const json::View state, document.parse(body));
        if (text_of(state, "life") != life) {
            return fail(
                ErrorCode::kClosed,
                "the collector was started again before the backup was done: see what there is "
                "with `seyir backup`, and run it again"
            );
        }
        const auto last = state.get("last");
        if (count_of(state, "runs") >= run && last && last->is_object()) {
            bar.finish();
            failed = !flag_of(*last, "ok");
            const bool is_human = session.style().form == OutputForm::kHuman;
            return print(is_human ? report_text(*last) : json::to_text(*last) + "\n");
        }
        if (const auto progress = state.get("progress")) {
            bar.update(
                count_of(*progress, "bytes_done"),
                count_of(*progress, "bytes_total"),
                fmt::format(
                    "{} of {} files",
                    count_of(*progress, "files_done"),
                    count_of(*progress, "files_total")
                )
            );
        }
        std::this_thread::sleep_for(kAskAgain);
    }
}

}  // namespace

int backup_command(const Arguments& arguments) {
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    const bool is_run = !arguments.values.empty();
    if (is_run && arguments.values[0] != "run") {
        return report(fail(
            ErrorCode::kInvalidArgument,
            "seyir backup knows `run`, not `" + arguments.values[0] + "`"
        ));
    }
    bool failed = false;
    const auto done = is_run ? run_now(*session, arguments, failed) : show(*session);
    return !done ? report(done.error()) : failed ? kExitFailure : kExitOk;
}

}  // namespace seyir::ctl

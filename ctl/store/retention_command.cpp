// SPDX-License-Identifier: Apache-2.0
// seyir retention: which days a collector will drop next, and dropping them now.
#include <string>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/json/reader.hpp"
#include "ctl/print/answer_fields.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

void append_days(std::string& out, const json::View& report, std::string_view key) {
    const auto days = report.get(key);
    if (!days) {
        return;
    }
    days->for_each_element([&](const json::View& day) {
        out += fmt::format(
            "  {:<18}{:>14} records  {:>10} of lines  {:>10} on disk\n",
            text_of(day, "part"),
            count_of(day, "records"),
            format_bytes(count_of(day, "raw_bytes")),
            format_bytes(count_of(day, "file_bytes"))
        );
        return true;
    });
}

void append_texts(
    std::string& out, const json::View& report, std::string_view key, std::string_view label
) {
    if (const auto texts = report.get(key)) {
        texts->for_each_element([&](const json::View& text) {
            out += fmt::format("{}{}\n", label, text.string().value_or(""));
            return true;
        });
    }
}

/// A run, or what one would do.
std::string report_text(const json::View& report) {
    const bool is_dry = flag_of(report, "dry_run");
    std::string dropped;
    append_days(dropped, report, "dropped");
    std::string out = dropped.empty() ? (is_dry ? "no day is due\n" : "no day was dropped\n")
                                      : (is_dry ? "would be dropped:\n" : "dropped:\n") + dropped;
    std::string held;
    append_days(held, report, "held_back");
    if (!held.empty()) {
        out += fmt::format(
            "due, but held back ({}):\n{}  drop them with: seyir retention run --confirm\n",
            text_of(report, "held_back_reason"),
            held
        );
    }
    if (const uint64_t staged = count_of(report, "staged_records"); is_dry && staged > 0) {
        out +=
            fmt::format("  {} of them not sealed into files yet; a run does that first\n", staged);
    }
    if (const auto archives = report.get("archives")) {
        archives->for_each_element([&](const json::View& archive) {
            out += fmt::format(
                "archived {} records in {}\n",
                count_of(archive, "records"),
                text_of(archive, "path")
            );
            return true;
        });
    }
    append_texts(out, report, "archives_removed", "removed old archive ");
    append_texts(out, report, "without_archive", "dropped WITHOUT an archive: ");
    if (const std::string error = text_of(report, "error"); !error.empty()) {
        out += "failed: " + error + "\n";
    }
    return out;
}

std::string state_text(const json::View& state) {
    const std::string directory = text_of(state, "archive_directory");
    const std::string next = text_of(state, "next");
    const uint64_t max_size = count_of(state, "max_size_bytes");
    std::string out = fmt::format(
        "keeps {} days{}{}; archive: {}\nnext clean-up: {}{}\n",
        count_of(state, "retention_seconds") / 86'400,
        flag_of(state, "has_classes") ? " (other streams as `retention_classes` says)" : "",
        max_size == 0 ? "" : ", at most " + format_bytes(max_size),
        directory.empty() ? "none (clean_up.archive of the store output)" : directory,
        next.empty() ? "never" : next,
        flag_of(state, "running") ? " (one is running)" : ""
    );
    if (const auto last = state.get("last"); last && last->get("time")) {
        out += fmt::format("last, at {}: {}", text_of(*last, "time"), report_text(*last));
    }
    if (const auto due = state.get("due"); due && due->get("time")) {
        out += "now: " + report_text(*due);
    }
    return out;
}

Result<void> show(Session& session) {
    SEYIR_TRY(const std::string body, session.get("/api/v1/retention"));
    json::Document document;
    SEYIR_TRY(const json::View state, document.parse(body));
    return print(session.style().form == OutputForm::kHuman ? state_text(state) : body);
}

Result<void> run_now(Session& session, const Arguments& arguments, bool& failed) {
    std::string path = "/api/v1/retention/run";
    path += arguments.has("dry-run") ? "?dry_run=true" : "";
    path += !arguments.has("confirm")  ? ""
            : arguments.has("dry-run") ? "&confirm=true"
                                       : "?confirm=true";
    SEYIR_TRY(const std::string body, session.post(path));
    json::Document document;
    SEYIR_TRY(const json::View report, document.parse(body));
    failed = !flag_of(report, "ok");
    return print(session.style().form == OutputForm::kHuman ? report_text(report) : body);
}

}  // namespace

int retention_command(const Arguments& arguments) {
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    bool failed = false;
    const bool is_run = !arguments.values.empty();
    if (is_run && arguments.values[0] != "run") {
        (void)report(fail(
            ErrorCode::kInvalidArgument,
            "seyir retention knows `run`, not `" + arguments.values[0] + "`"
        ));
        return kExitUsage;
    }
    const auto done = is_run ? run_now(*session, arguments, failed) : show(*session);
    return !done ? report(done.error()) : failed ? kExitFailure : kExitOk;
}

}  // namespace seyir::ctl

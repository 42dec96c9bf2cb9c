// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/clean_up.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/base/units.hpp"

namespace seyir::collector::retention {
namespace {

constexpr std::string_view kLog = "clean-up";
/// What last_done() reads of the end of the audit file.
constexpr uint64_t kAuditTailBytes = kMiB;

uint64_t sum(const std::vector<store::PartReport>& days, uint64_t store::PartReport::* member) {
    return std::accumulate(days.begin(), days.end(), uint64_t{0}, [&](uint64_t all, const auto& d) {
        return all + d.*member;
    });
}

std::vector<std::string> names_of(const std::vector<store::PartReport>& days) {
    std::vector<std::string> out;
    for (const store::PartReport& day : days) {
        out.push_back(day.name());
    }
    return out;
}

std::string days_json(const std::vector<store::PartReport>& days) {
    std::string out;
    for (const store::PartReport& day : days) {
        out += out.empty() ? "" : ",";
        out += fmt::format(
            R"({{"day":"{}","part":"{}","records":{},"raw_bytes":{},"file_bytes":{}}})",
            day.day.folder(),
            day.name(),
            day.rows,
            day.raw_bytes,
            day.file_bytes
        );
    }
    return out;
}

std::string strings_json(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) {
        out += out.empty() ? "" : ",";
        append_json_quoted(out, text);
    }
    return out;
}

std::string archives_json(const std::vector<ArchiveReport>& archives) {
    std::string out;
    for (const ArchiveReport& archive : archives) {
        out += out.empty() ? "" : ",";
        out += fmt::format(
            R"({{"path":{},"records":{},"bytes":{}}})",
            json_quote(archive.path),
            archive.rows,
            archive.file_bytes
        );
    }
    return out;
}

}  // namespace

uint64_t CleanUpReport::rows() const {
    return sum(dropped, &store::PartReport::rows);
}

uint64_t CleanUpReport::raw_bytes() const {
    return sum(dropped, &store::PartReport::raw_bytes);
}

uint64_t CleanUpReport::file_bytes() const {
    return sum(dropped, &store::PartReport::file_bytes);
}

std::string CleanUpReport::json() const {
    return fmt::format(
        R"({{"unix_nanos":{},"time":"{}","action":"clean_up","trigger":{},"dry_run":{},"confirm":{},"ok":{},)"
        R"("dropped":[{}],"records":{},"raw_bytes":{},"file_bytes":{},"held_back":[{}],)"
        R"("held_back_reason":{},"staged_records":{},"archives":[{}],"archives_removed":[{}],"without_archive":[{}],)"
        R"("took_seconds":{:.3f},"error":{}}})",
        at.value,
        to_rfc3339(at),
        json_quote(request.trigger),
        request.dry_run,
        request.confirm,
        ok(),
        days_json(dropped),
        rows(),
        raw_bytes(),
        file_bytes(),
        days_json(held_back),
        json_quote(held_back_reason),
        staged_rows,
        archives_json(archives),
        strings_json(archives_removed),
        strings_json(without_archive),
        std::chrono::duration<double>(took).count(),
        json_quote(error)
    );
}

std::string CleanUpReport::text() const {
    std::string out = request.dry_run ? "would drop " : "dropped ";
    out += dropped.empty() ? "no day"
                           : fmt::format(
                                 "{} {} ({}): {} records, {}",
                                 dropped.size(),
                                 dropped.size() == 1 ? "day" : "days",
                                 fmt::join(names_of(dropped), ", "),
                                 rows(),
                                 format_bytes(raw_bytes())
                             );
    if (request.dry_run && staged_rows > 0) {
        out += fmt::format("; {} of them are not sealed yet", staged_rows);
    }
    if (!archives.empty()) {
        out += fmt::format("; archived to {}", io::parent_directory(archives.front().path));
    }
    if (!without_archive.empty()) {
        out += fmt::format("; WITHOUT an archive: {}", fmt::join(without_archive, ", "));
    }
    if (!held_back.empty()) {
        out += fmt::format(
            "; held back {}: {}", fmt::join(names_of(held_back), ", "), held_back_reason
        );
    }
    if (!ok()) {
        out += "; failed: " + error;
    }
    return out;
}

CleanUp::CleanUp(
    store::RocksStore& store,
    io::FileSystem& fs,
    io::Clock& clock,
    CleanUpOptions options,
    std::function<bool()> should_stop
)
    : store_(store),
      fs_(fs),
      clock_(clock),
      options_(std::move(options)),
      archive_(store, fs, options_.archive_directory, std::move(should_stop)) {}

CleanUpReport CleanUp::run(const CleanUpRequest& request) {
    const SteadyTime begun = clock_.steady_now();
    CleanUpReport report{.at = clock_.wall_now(), .request = request};
    // Staged rows of past days count only once they are sealed: what is not listed would be dropped
    // without its archive.
    const bool may_age = request.by_age && options_.retention.shortest().count() > 0;
    const bool seals = may_age && !request.dry_run;
    const auto sealed = seals ? store_.seal(store::SealScope::kPastDays) : Result<void>();
    if (!sealed) {
        report.error = "sealing the past days failed: " + sealed.error().message;
    } else if (may_age || options_.file_bytes_max > 0) {
        find_due(report);
        if (report.ok() && !request.dry_run) {
            archive_and_drop(report);
        }
    }
    report.took = clock_.steady_now() - begun;
    if (!request.dry_run) {
        write_audit(report);
        const auto level = report.ok() ? log::Level::kInfo : log::Level::kError;
        log::write(level, kLog, report.text(), {{"trigger", request.trigger}});
    }
    return report;
}

void CleanUp::find_due(CleanUpReport& report) {
    store::DropRule rule{.now = report.at, .file_bytes_max = options_.file_bytes_max};
    if (report.request.by_age) {
        rule.retention = options_.retention;
    }
    auto due = store_.due(rule, report.request.confirm);
    if (!due) {
        report.error = due.error().message;
        return;
    }
    report.dropped = std::move(due->dropped);
    report.held_back = std::move(due->held_back);
    report.held_back_reason = std::move(due->reason);
    if (report.request.dry_run) {
        for (store::PartReport& part : due->staged) {
            report.staged_rows += part.rows;
            report.dropped.push_back(std::move(part));
        }
        std::ranges::sort(report.dropped, {}, [](const auto& part) { return part.day; });
    }
}

void CleanUp::archive_and_drop(CleanUpReport& report) {
    if (!options_.archive_directory.empty()) {
        report.dropped.resize(archive_parts(report) + report.without_archive.size());
    }
    // The floor moves even with nothing to drop: the store keeps it behind what stays.
    const Nanos longest = report.request.by_age ? options_.retention.longest() : Nanos(0);
    const UnixNanos floor =
        longest.count() > 0 ? store::day_of(report.at - longest).begin() : UnixNanos::min();
    if (auto done = store_.drop(report.dropped, floor, report.request.confirm); !done) {
        report.dropped.clear();
        report.error = done.error().message;
    }
    // Not by a clock nobody trusts: held back means days, too many at once or after a step.
    const bool may_expire =
        report.request.by_age && report.held_back.empty() && !store_.health().is_clock_stepped;
    if (options_.archive_keep.count() > 0 && report.ok() && may_expire) {
        // What has just been archived stays for `keep`, however old its records are.
        store::Day before = store::day_of(report.at - options_.archive_keep);
        for (const store::PartReport& part : report.dropped) {
            before = std::min(before, part.day);
        }
        auto removed = archive_.expire(before);
        if (removed) {
            report.archives_removed = *std::move(removed);
        } else {
            report.error = "old archives stay: " + removed.error().message;
        }
    }
}

/// How many parts, from the oldest on, have theirs.
size_t CleanUp::archive_parts(CleanUpReport& report) {
    size_t done = 0;
    for (const store::PartReport& part : report.dropped) {
        auto archived = archive_.write(part);
        if (archived) {
            std::ranges::move(*archived, std::back_inserter(report.archives));
            ++done;
            continue;
        }
        report.error = archived.error().message;
        const bool may_go = options_.on_archive_failure == OnArchiveFailure::kDeleteOldest &&
                            store_.health().disk == store::DiskState::kHardMark;
        if (may_go) {
            report.without_archive.push_back(part.name());
        }
        break;
    }
    return done;
}

void CleanUp::write_audit(CleanUpReport& report) {
    const auto append = [&]() -> Result<void> {
        SEYIR_CHECK(fs_.make_directories(io::parent_directory(options_.audit_path)));
        SEYIR_TRY(const auto file, fs_.open(options_.audit_path, io::OpenMode::kWriteAppend));
        SEYIR_CHECK(file->append(report.json() + "\n"));
        SEYIR_CHECK(file->sync());
        return fs_.sync_directory(io::parent_directory(options_.audit_path));
    };
    if (auto written = append(); !written) {
        report.error += report.error.empty() ? "" : "; ";
        report.error += "the audit file was not written: " + written.error().message;
    }
}

std::optional<UnixNanos> CleanUp::last_done() {
    const auto info = fs_.stat(options_.audit_path);
    const auto file = fs_.open(options_.audit_path, io::OpenMode::kRead);
    if (!info || !file) {
        return std::nullopt;
    }
    const uint64_t bytes = std::min(info->size_bytes, kAuditTailBytes);
    std::string tail(bytes, '\0');
    const auto got = (*file)->read_at(info->size_bytes - bytes, tail);
    tail.resize(got.value_or(0));
    // Lines are ours (json()): the time stands first, and a run that did not fail says so.
    constexpr std::string_view kStart = R"({"unix_nanos":)";
    size_t end = tail.size();
    while (end > 0) {
        const size_t newline = tail.rfind('\n', end - 1);
        const size_t begin = newline == std::string::npos ? 0 : newline + 1;
        const std::string_view line = std::string_view(tail).substr(begin, end - begin);
        if (line.starts_with(kStart) && line.contains(R"("ok":true)") &&
            !line.contains(R"("trigger":"size")")) {
            UnixNanos at;
            const char* const number = line.data() + kStart.size();
            if (std::from_chars(number, line.data() + line.size(), at.value).ec == std::errc()) {
                return at;
            }
        }
        if (begin == 0) {
            break;
        }
        end = begin - 1;
    }
    return std::nullopt;
}

}  // namespace seyir::collector::retention

// SPDX-License-Identifier: Apache-2.0
// seyir export [SELECTOR]: records of a collector as JSON lines, page by page.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/json/reader.hpp"
#include "ctl/print/terminal.hpp"
#include "ctl/print/transfer_progress.hpp"
#include "ctl/records/record_file.hpp"
#include "ctl/records/records_command.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr size_t kLineBytesMax = 512 * kMiB;
constexpr size_t kPrintBytes = 256 * kKiB;
constexpr std::string_view kLastLine = "{\"export\":";
constexpr std::string_view kTimeMember = "{\"timestamp\":\"";

using TakeLine = std::function<Result<void>(std::string_view line)>;

/// The time a record's line begins with; "" when it does not.
std::string_view time_of(std::string_view line) {
    if (!line.starts_with(kTimeMember)) {
        return "";
    }
    line.remove_prefix(kTimeMember.size());
    return line.substr(0, line.find('"'));
}

/// What the last line of a page says.
struct PageEnd {
    std::string next;     ///< "" = this was the last page
    std::string missing;  ///< what could not be read, for people
};

Result<PageEnd> read_last_line(std::string_view line) {
    json::Document document;
    SEYIR_TRY(const json::View root, document.parse(line));
    const auto end = root.get("export");
    const auto text = [&](std::string_view name) {
        const auto field = end ? end->get(name) : std::nullopt;
        return std::string(field ? field->string().value_or("") : "");
    };
    if (const std::string error = text("error"); !error.empty()) {
        return fail(ErrorCode::kInternal, "the collector gave up: " + clean_text(error));
    }
    PageEnd out{.next = text("next"), .missing = {}};
    const auto blocks = end ? end->get("unreadable_blocks") : std::nullopt;
    if (const auto count = blocks ? blocks->uint64() : std::nullopt) {
        out.missing = fmt::format(
            "{} blocks with records of {} to {} cannot be read",
            *count,
            text("unreadable_from"),
            text("unreadable_to")
        );
    }
    return out;
}

/// One call: every whole line of it, and what its last line says.
Result<PageEnd> read_page(
    Session& session, const Session::Parameters& parameters, const TakeLine& take
) {
    SEYIR_CHECK(session.start("/api/v1/export", parameters));
    std::string buffer;
    std::optional<PageEnd> end;
    while (true) {
        SEYIR_TRY(const std::string_view piece, session.client().read());
        if (piece.empty()) {
            break;
        }
        const size_t searched = buffer.size();
        buffer += piece;
        size_t begin = 0;
        for (size_t at = buffer.find('\n', searched); at != std::string::npos;
             at = buffer.find('\n', begin)) {
            const auto line = std::string_view(buffer).substr(begin, at + 1 - begin);
            if (line.starts_with(kLastLine)) {
                SEYIR_TRY(end, read_last_line(line));
            } else if (time_of(line).empty()) {
                return fail(ErrorCode::kCorrupt, "the collector sent a line that is no record");
            } else {
                SEYIR_CHECK(take(line));
            }
            begin = at + 1;
        }
        buffer.erase(0, begin);
        if (buffer.size() > kLineBytesMax) {
            return fail(
                ErrorCode::kTooLarge, "a record has more than " + format_bytes(kLineBytesMax)
            );
        }
    }
    if (!end) {
        return fail(ErrorCode::kClosed, "the collector's answer ended early");
    }
    return *end;
}

/// Bar, rate and time left by the time that the records cover.
class ExportProgress {
  public:
    ExportProgress(const ExportMark& mark, bool enabled)
        : bar_("exporting", enabled), begin_(time(mark.start)), end_(time(mark.end)) {}

    void update(std::string_view line, const ExportMark& mark) {
        // Reading the clock and a time costs more than a line.
        if (++lines_ % 256 != 1) {
            return;
        }
        const std::optional<UnixNanos> at = time(time_of(line));
        begin_ = begin_ ? begin_ : at;
        uint64_t total = 0;
        if (at && begin_) {
            const UnixNanos end = std::max(end_.value_or(now_), *at);
            const double all = static_cast<double>((end - *begin_).count());
            const double part = static_cast<double>((*at - *begin_).count()) / std::max(all, 1.0);
            constexpr double kPartMin = 1e-4;  // before that it says nothing
            total = part < kPartMin
                        ? 0
                        : static_cast<uint64_t>(static_cast<double>(mark.line_bytes) / part);
        }
        bar_.update(mark.line_bytes, total, grouped(mark.records) + " records");
    }

    void finish() { bar_.finish(); }

  private:
    std::optional<UnixNanos> time(std::string_view text) const {
        const auto parsed = parse_time(text, now_);
        return parsed && !text.empty() ? std::optional(*parsed) : std::nullopt;
    }

    TransferProgress bar_;
    const UnixNanos now_ = io::system_clock().wall_now();
    std::optional<UnixNanos> begin_;
    std::optional<UnixNanos> end_;
    uint64_t lines_ = 0;
};

/// All pages after `mark`, which `take` keeps up to date. Gives what could not be read.
Result<std::string> read_pages(
    Session& session, const Arguments& arguments, const ExportMark& mark, const TakeLine& take
) {
    Session::Parameters parameters;
    if (!arguments.values.empty()) {
        parameters.emplace_back("match", arguments.values[0]);
    }
    if (!mark.end.empty()) {
        parameters.emplace_back("end", mark.end);
    }
    std::string missing;
    std::string start = mark.last.empty() ? mark.start : std::string(time_of(mark.last));
    while (true) {
        auto page = parameters;
        if (!start.empty()) {
            page.emplace_back("start", start);
        }
        SEYIR_TRY(const PageEnd end, read_page(session, page, take));
        if (!end.missing.empty()) {
            missing += (missing.empty() ? "" : "; ") + end.missing;
        }
        if (end.next.empty()) {
            return missing;
        }
        if (end.next == start) {
            return fail(ErrorCode::kCorrupt, "the collector's answers do not go on");
        }
        start = end.next;
    }
}

Result<ExportMark> what_is_asked(const Arguments& arguments) {
    const UnixNanos now = io::system_clock().wall_now();
    ExportMark mark;
    mark.asked = arguments.values.empty() ? "all records" : arguments.values[0];
    if (arguments.has("from")) {
        SEYIR_TRY(const UnixNanos begin, parse_time(arguments.get("from"), now));
        mark.start = to_rfc3339(begin);
        mark.asked += " from " + arguments.get("from");
    }
    if (arguments.has("to")) {
        SEYIR_TRY(const UnixNanos end, parse_time(arguments.get("to"), now));
        mark.end = to_rfc3339(end);
        mark.asked += " to " + arguments.get("to");
        if (mark.start > mark.end) {  // both are UTC of the same form; "" is no bound
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("--from ({}) is after --to ({})", mark.start, mark.end)
            );
        }
    }
    return mark;
}

Error partial_error(const std::string& missing) {
    return fail(ErrorCode::kCorrupt, "not all records are there: " + missing + " (seyir doctor)");
}

Result<void> export_to_file(Session& session, const Arguments& arguments, ExportMark asked) {
    SEYIR_TRY(
        RecordFile file,
        RecordFile::open(
            io::posix_file_system(),
            {.path = arguments.get("out"), .resumes = arguments.has("resume")},
            std::move(asked)
        )
    );
    ExportProgress progress(file.mark(), !arguments.has("no-progress"));
    const auto missing =
        read_pages(session, arguments, file.mark(), [&](std::string_view line) -> Result<void> {
            SEYIR_CHECK(file.add(line));
            progress.update(line, file.mark());
            return {};
        });
    progress.finish();
    if (!missing && file.mark().records == 0 && !arguments.has("resume")) {
        file.discard();
        return missing.error();
    }
    SEYIR_CHECK(file.finish(missing && missing->empty()));
    const std::string left =
        "; " + arguments.get("out") + ".partial has " + grouped(file.mark().records) + " records";
    if (!missing) {
        Error error = missing.error();
        error.message += left + " (--resume goes on)";
        return error;
    }
    if (!missing->empty()) {
        Error error = partial_error(*missing);
        error.message += left;
        return error;
    }
    const std::string text = fmt::format(
        "seyir: {} records, {} of JSON in {}\n",
        grouped(file.mark().records),
        format_bytes(file.mark().line_bytes),
        arguments.get("out")
    );
    fputs(text.c_str(), stderr);
    return {};
}

Result<void> export_to_stdout(Session& session, const Arguments& arguments, ExportMark mark) {
    const bool shows = !is_terminal(STDOUT_FILENO) && !arguments.has("no-progress");
    ExportProgress progress(mark, shows);
    std::string text;
    const auto missing =
        read_pages(session, arguments, mark, [&](std::string_view line) -> Result<void> {
            text += line;
            ++mark.records;
            mark.line_bytes += line.size();
            progress.update(line, mark);
            if (text.size() >= kPrintBytes) {
                SEYIR_CHECK(print(text));
                text.clear();
            }
            return {};
        });
    progress.finish();
    SEYIR_CHECK(print(text));
    if (!missing) {
        return missing.error();
    }
    return missing->empty() ? Result<void>{} : partial_error(*missing);
}

}  // namespace

int export_records_command(const Arguments& arguments) {
    if (arguments.has("resume") && !arguments.has("out")) {
        report(fail(ErrorCode::kInvalidArgument, "--resume goes on with a file: give --out FILE"));
        return kExitUsage;
    }
    auto asked = what_is_asked(arguments);
    if (!asked) {
        report(asked.error());
        return kExitUsage;
    }
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    const auto done = arguments.has("out")
                          ? export_to_file(*session, arguments, *std::move(asked))
                          : export_to_stdout(*session, arguments, *std::move(asked));
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl

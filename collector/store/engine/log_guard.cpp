// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/log_guard.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/store/disk/log_check.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr uint64_t kNoteBytesMax = 4096;
constexpr size_t kNotesShownMax = 8;
constexpr std::string_view kNoteEnding = ".txt";
constexpr std::string_view kClosed = " closed\n";
constexpr std::string_view kMissing = "missing ";

/// The number behind `from`, which is moved behind it.
template <class Number>
std::optional<Number> take_number(std::string_view& from) {
    from.remove_prefix(std::min(from.find_first_not_of(' '), from.size()));
    Number number = 0;
    const auto read = std::from_chars(from.data(), from.data() + from.size(), number);
    if (read.ec != std::errc()) {
        return std::nullopt;
    }
    from.remove_prefix(static_cast<size_t>(read.ptr - from.data()));
    return number;
}

/// The range in a note's second line; without one all that came before `written`.
TimeRange missing_of(std::string_view note, UnixNanos written) {
    const size_t line = note.find(fmt::format("\n{}", kMissing));
    if (line != std::string_view::npos) {
        std::string_view rest = note.substr(line + 1 + kMissing.size());
        const auto begin = take_number<int64_t>(rest);
        const auto end = take_number<int64_t>(rest);
        if (begin && end) {
            // The clock was stepped back in between: it does not say when they came.
            return *begin < *end ? TimeRange{{*begin}, {*end}} : TimeRange{};
        }
    }
    return {UnixNanos::min(), written};
}

}  // namespace

LogGuard::LogGuard(io::FileSystem& fs, io::Clock& clock, std::string data_dir)
    : fs_(fs), clock_(clock), data_dir_(std::move(data_dir)) {}

Result<bool> LogGuard::look() {
    KnownLogs known;
    UnixNanos since = UnixNanos::min();
    if (const auto text = io::read_file(fs_, data_dir_ + "/log_number", kNoteBytesMax)) {
        // Not a number: as if it were not there. It only adds to what the logs say themselves.
        std::string_view rest = *text;
        known.newest = take_number<uint64_t>(rest).value_or(0);
        since = {take_number<int64_t>(rest).value_or(UnixNanos::min().value)};
        known.is_closed = text->ends_with(kClosed);
    }
    SEYIR_TRY(const auto damage, check_logs(fs_, data_dir_ + "/db", known));
    if (!damage) {
        return false;
    }
    // Of an older log, or another file, it is not known since when it counts.
    std::string_view name = damage->file;
    const uint64_t number = name.empty() ? known.newest : take_number<uint64_t>(name).value_or(0);
    const UnixNanos now = clock_.wall_now();
    const UnixNanos begin = number >= known.newest ? since : UnixNanos::min();
    const std::string folder = data_dir_ + "/quarantine";
    const std::string stem =
        damage->file.empty() ? fmt::format("{:06}.log", known.newest) : damage->file;
    SEYIR_CHECK(fs_.make_directories(folder));
    if (!damage->file.empty() && !fs_.stat(folder + "/" + stem)) {
        SEYIR_CHECK(fs_.hard_link(data_dir_ + "/db/" + stem, folder + "/" + stem));
    }
    SEYIR_CHECK(io::write_file_atomically(
        fs_,
        folder + "/" + stem + std::string(kNoteEnding),
        fmt::format(
            "{}: {}\n{}{} {}\n", to_rfc3339(now), damage->what, kMissing, begin.value, now.value + 1
        )
    ));
    log::error(
        "store",
        "acknowledged records may be missing; agents are asked to send theirs again",
        {{"error", damage->what}, {"kept", folder}}
    );
    return true;
}

Result<void> LogGuard::remember(bool is_closed, UnixNanos since) {
    SEYIR_TRY(const uint64_t newest, newest_log(fs_, data_dir_ + "/db"));
    const std::string_view end = is_closed ? kClosed : std::string_view("\n");
    const std::string text = fmt::format("{} {}{}", newest, since.value, end);
    return io::write_file_atomically(fs_, data_dir_ + "/log_number", text);
}

Result<std::vector<LostLog>> LogGuard::lost() {
    const std::string folder = data_dir_ + "/quarantine";
    std::vector<LostLog> out;
    const auto names = fs_.list(folder);
    if (!names) {
        return names.error().code == ErrorCode::kNotFound ? Result<std::vector<LostLog>>(out)
                                                          : names.error();
    }
    for (const std::string& name : *names) {
        if (name.ends_with(kNoteEnding)) {
            const std::string path = folder + "/" + name;
            const auto note = io::read_file(fs_, path, kNoteBytesMax);
            const auto info = fs_.stat(path);
            if ((!note && note.error().code == ErrorCode::kNotFound) ||
                (!info && info.error().code == ErrorCode::kNotFound)) {
                continue;  // deleted just now
            }
            SEYIR_CHECK(note);
            SEYIR_CHECK(info);
            out.push_back(
                {.note = path,
                 .what = note->substr(0, note->find('\n')),
                 .came = missing_of(*note, info->modified)}
            );
        }
    }
    return out;
}

std::string lost_logs_text(const std::vector<LostLog>& lost) {
    if (lost.empty()) {
        return "";
    }
    std::string what;
    std::string notes;
    UnixNanos until = UnixNanos::min();
    for (size_t i = 0; i < lost.size(); ++i) {
        until = std::max(until, lost[i].partial_until());
        if (i < kNotesShownMax) {
            what += (i > 0 ? "; " : "") + lost[i].what;
            notes += " " + lost[i].note;
        }
    }
    return fmt::format(
        "acknowledged records may be missing: {}; agents send theirs again. Until the note is "
        "deleted, answers about times before {} say partial and alert windows there count as not "
        "filled. When agents have caught up, or the loss is accepted: rm{}",
        what,
        to_rfc3339(until),
        notes
    );
}

}  // namespace seyir::store

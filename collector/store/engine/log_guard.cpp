// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/log_guard.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "collector/store/disk/log_check.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr uint64_t kNoteBytesMax = 4096;
constexpr size_t kNotesShownMax = 8;
constexpr std::string_view kNoteEnding = ".txt";
constexpr std::string_view kOpen = "\n";
constexpr std::string_view kClosed = " closed\n";

}  // namespace

LogGuard::LogGuard(io::FileSystem& fs, io::Clock& clock, std::string data_dir)
    : fs_(fs), clock_(clock), data_dir_(std::move(data_dir)) {}

Result<bool> LogGuard::look() {
    KnownLogs known;
    if (const auto text = io::read_file(fs_, data_dir_ + "/log_number", kNoteBytesMax)) {
        // Not a number: as if it were not there. It only adds to what the logs say themselves.
        (void)std::from_chars(text->data(), text->data() + text->size(), known.newest);
        known.is_closed = text->ends_with(kClosed);
    }
    SEYIR_TRY(const auto damage, check_logs(fs_, data_dir_ + "/db", known));
    if (!damage) {
        return false;
    }
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
        fmt::format("{}: {}\n", to_rfc3339(clock_.wall_now()), damage->what)
    ));
    log::error(
        "store",
        "acknowledged records may be missing; agents are asked to send theirs again",
        {{"error", damage->what}, {"kept", folder}}
    );
    return true;
}

Result<void> LogGuard::remember(bool is_closed) {
    SEYIR_TRY(const uint64_t newest, newest_log(fs_, data_dir_ + "/db"));
    const std::string text = fmt::format("{}{}", newest, is_closed ? kClosed : kOpen);
    return io::write_file_atomically(fs_, data_dir_ + "/log_number", text);
}

Result<std::string> LogGuard::notes() {
    const std::string folder = data_dir_ + "/quarantine";
    const auto names = fs_.list(folder);
    if (!names) {
        return names.error().code == ErrorCode::kNotFound ? Result<std::string>("") : names.error();
    }
    std::string out;
    size_t shown = 0;
    for (const std::string& name : *names) {
        if (!name.ends_with(kNoteEnding) || ++shown > kNotesShownMax) {
            continue;
        }
        SEYIR_TRY(std::string note, io::read_file(fs_, folder + "/" + name, kNoteBytesMax));
        note.erase(note.find_last_not_of('\n') + 1);
        out += (out.empty() ? "" : "; ") + note;
    }
    return out.empty() ? out
                       : fmt::format(
                             "acknowledged records may be missing: {} (delete {}/*{} when you have "
                             "seen this)",
                             out,
                             folder,
                             kNoteEnding
                         );
}

}  // namespace seyir::store

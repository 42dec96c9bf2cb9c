// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journal_files.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace seyir::agent::input {
namespace {

constexpr size_t kEntriesMax = 10'000;
constexpr size_t kMachineIdChars = 32;
constexpr const char* kRemedy =
    "add the agent's user to the group `systemd-journal` and start the agent again";

bool is_permission(const std::error_code& error) {
    return error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
}

void note_unreadable(JournalFiles& out, const std::string& path, const std::error_code& error) {
    if (out.unreadable++ == 0) {
        out.first_unreadable = path;
        out.why = error.message();
    }
}

/// A machine id, perhaps with a namespace behind a dot: `4f6d...a1.tests`.
bool is_machine_folder(const std::string& name) {
    const std::string id = name.substr(0, name.find('.'));
    return id.size() == kMachineIdChars &&
           std::ranges::all_of(id, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// Opening is the only question that answers for ACLs and capabilities too.
void look_at_file(const std::string& path, JournalFiles& out) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        ::close(fd);
        ++out.readable;
        return;
    }
    const std::error_code error(errno, std::generic_category());
    if (is_permission(error)) {  // any other: deleted or rotated meanwhile
        note_unreadable(out, path, error);
    }
}

/// Files in it are looked at; the machines' folders in it are returned.
std::vector<std::string> look_at_folder(const std::string& path, JournalFiles& out) {
    std::vector<std::string> machines;
    std::error_code error;
    std::filesystem::directory_iterator at(path, error);
    if (error) {
        if (is_permission(error)) {
            note_unreadable(out, path, error);
        }
        return machines;
    }
    size_t seen = 0;
    for (; at != std::filesystem::directory_iterator() && seen < kEntriesMax; ++seen) {
        const std::string name = at->path().filename().string();
        if (name.ends_with(".journal") || name.ends_with(".journal~")) {
            look_at_file(at->path().string(), out);
        } else if (is_machine_folder(name)) {
            machines.push_back(at->path().string());
        }
        at.increment(error);
        if (error) {
            break;
        }
    }
    return machines;
}

}  // namespace

JournalFiles look_at_journal_files(const std::string& directory) {
    const std::vector<std::string> roots =
        directory.empty() ? std::vector<std::string>{"/run/log/journal", "/var/log/journal"}
                          : std::vector<std::string>{directory};
    JournalFiles files;
    for (const std::string& root : roots) {
        for (const std::string& machine : look_at_folder(root, files)) {
            look_at_folder(machine, files);
        }
    }
    return files;
}

std::string journal_trouble(const JournalFiles& files, const std::string& directory) {
    const std::string place = directory.empty() ? "this host's journal" : directory;
    if (files.unreadable == 0) {
        return files.readable > 0
                   ? ""
                   : fmt::format("there is no journal file in {}: nothing is read", place);
    }
    if (files.readable == 0) {
        return fmt::format(
            "no journal file of {} can be read, so nothing is sent ({}: {}); {}",
            place,
            files.first_unreadable,
            files.why,
            kRemedy
        );
    }
    return fmt::format(
        "{} of {} journal files of {} cannot be read and are not sent ({}: {}); {}",
        files.unreadable,
        files.unreadable + files.readable,
        place,
        files.first_unreadable,
        files.why,
        kRemedy
    );
}

}  // namespace seyir::agent::input

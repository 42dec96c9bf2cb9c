// SPDX-License-Identifier: Apache-2.0
// The files of a journal as this process may read them. sd-journal passes over those it may not
// open and says nothing, so that a journal without permission looks like an empty one.
// Threads: any.   Limits: 10,000 entries of a folder are looked at.
// Spec: sd_journal_open(3), sd_journal_open_directory(3): which folders hold files.
#pragma once

#include <cstdint>
#include <string>

namespace seyir::agent::input {

struct JournalFiles {
    uint64_t readable = 0;
    uint64_t unreadable = 0;  ///< files and folders of files
    std::string first_unreadable;
    std::string why;  ///< what the system said of it
};

/// `directory` "" = this host's journal.
JournalFiles look_at_journal_files(const std::string& directory);

/// What a person should do about it; "" = all files can be read.
std::string journal_trouble(const JournalFiles& files, const std::string& directory);

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// FolderBook: which folders held disk buffers and whose they are now, so that rows a source has an
// answer for are not forgotten when a configuration gives an output another folder, another id or
// no disk buffer at all.
// The file STATE/buffer/folders has a line for each folder: `+` (an output owns it) or `-` (none
// does), the output's id, a tab, the folder. It is a hint: folders below STATE/buffer count without
// it, and what waits is read from their segments.
// Threads: one at a time.   Errors: kIo of the file and of STATE/buffer.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/buffer/log/inspect.hpp"

namespace seyir::buffer {

/// A folder with rows that no output of the configuration sends.
struct LeftFolder {
    std::string id;  ///< of the output it was for
    std::string folder;
    uint64_t rows = 0;

    bool operator==(const LeftFolder&) const = default;
};

/// One folder, as `seyir buffer ls STATE` lists it.
struct KnownFolder {
    std::string id;
    std::string folder;
    bool is_owned = false;
};

class FolderBook {
  public:
    FolderBook(io::FileSystem& fs, std::string state_dir);

    /// The book and the folders below STATE/buffer, by id. Folders that are gone are left out.
    Result<std::vector<KnownFolder>> read() const;

    /// `owned`: folder -> output id, of the running configuration. Writes the book, and gives what
    /// is left behind by earlier ones. Folders where nothing waits leave the book.
    Result<std::vector<LeftFolder>> update(const std::map<std::string, std::string>& owned);

  private:
    Result<void> write(const std::vector<KnownFolder>& folders);

    io::FileSystem& fs_;
    const std::string directory_;
};

/// What to do about it, for people: one sentence.
std::string remedy_for(const std::string& id, const std::string& folder);

}  // namespace seyir::buffer

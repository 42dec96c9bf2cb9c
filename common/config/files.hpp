// SPDX-License-Identifier: Apache-2.0
// The files of one configuration: the main one, those its `include` names, and the fragments of its
// `conf_d` directory, merged into one Document.
// Room: Document of the main file -> Document of all files (references not yet expanded).
// Threads: one at a time.
// Errors: E0130, E0131, and those of every file's YAML. A file that cannot be read leaves the
// document incomplete, so that nothing is called missing which may stand there.
// Limits: 200 files, 8 levels of `include`, 16 MiB and 100,000 nodes together.
#pragma once

#include <string>

#include "common/config/environment.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

inline constexpr size_t kFilesMax = 200;
inline constexpr int kIncludeDepthMax = 8;
inline constexpr size_t kAllFilesBytesMax = 16U << 20U;

struct FilesOptions {
    io::FileSystem* files = nullptr;
    const Environment* environment = nullptr;  ///< of references in `include` and `conf_d`
    bool reads_conf_d = true;  ///< the default directory; one that is named is always read
};

/// Reads and merges what the keys `include` and `conf_d` of the main file ask for, and takes these
/// two keys out of the tree. Requires: `schema` has them.
void read_more_files(
    Document& document, const Schema& schema, const FilesOptions& options, Diagnostics& diagnostics
);

/// The directory of `path`, from `/`.
std::string absolute_directory(const std::string& path);

}  // namespace seyir::config

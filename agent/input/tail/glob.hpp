// SPDX-License-Identifier: Apache-2.0
// Glob: which paths an input reads, and the walk that finds them.
// Threads: Glob is immutable; GlobWalker belongs to the reader's thread.
// Limits: depth of `**` 32 directories; paths found are bounded by the caller.
// Format/spec: docs/guide/tailing.md, "Globs" (`*` and `?` stop at `/`; a leading dot must be
// named).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/io/file_system.hpp"

namespace seyir::agent::input {

/// What wildcards do with names that begin with a dot.
enum class Hidden : uint8_t {
    kNamed,  ///< a leading dot must be in the pattern, as in a shell: for what is read
    kAny,    ///< no difference: for what is excluded
};

/// One path segment against one pattern segment (`*`, `?`, `[a-z]`, `[!a]`, `\` escapes).
bool segment_matches(
    std::string_view pattern, std::string_view name, Hidden hidden = Hidden::kNamed
);

class Glob {
  public:
    /// Absolute patterns only; kInvalidArgument says what is wrong.
    static Result<Glob> compile(const std::string& pattern);

    bool matches(std::string_view path, Hidden hidden = Hidden::kNamed) const;

    /// The directory above the first segment with a wildcard: nothing outside it is read through
    /// a symlink of another owner.
    const std::string& root() const { return root_; }

    const std::vector<std::string>& segments() const { return segments_; }

    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::string root_;
    std::vector<std::string> segments_;  ///< below root_
};

/// The error's message, and what helps where permission is missing.
std::string with_remedy(const Error& error);

struct FoundFile {
    std::string path;
    io::FileInfo info;  ///< of what the path leads to; is_symlink: through a link
};

class GlobWalker {
  public:
    explicit GlobWalker(io::FileSystem& fs) : fs_(fs) {}

    /// Regular files that match, in order of their paths; directories looked into go to
    /// `directories` (to be watched), also those that may yet come to hold a match.
    std::vector<FoundFile> walk(
        const std::vector<Glob>& include,
        const std::vector<Glob>& exclude,
        size_t files_max,
        std::vector<std::string>& directories
    );
    /// The file at `path`, if an include matches it and no exclude does.
    Result<FoundFile> look(
        const std::string& path, const std::vector<Glob>& include, const std::vector<Glob>& exclude
    );

    /// How many matches of the last walk were left out because of files_max.
    size_t refused_count() const { return refused_count_; }

    /// Symlinks refused, directories that could not be listed, matches beyond files_max; of the
    /// last walk, for people.
    const std::vector<std::string>& complaints() const { return complaints_; }

  private:
    struct Walk;

    void descend(Walk& walk, const std::string& directory, size_t segment, unsigned depth);
    void visit(Walk& walk, const std::string& path, size_t segment, unsigned depth);
    Result<io::FileInfo> safe_stat(const std::string& path, const std::string& root);

    io::FileSystem& fs_;
    std::vector<std::string> complaints_;
    size_t refused_count_ = 0;
};

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/glob.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <system_error>

#include <fmt/format.h>

namespace seyir::agent::input {
namespace {

constexpr unsigned kDepthMax = 32;
constexpr size_t kComplaintsMax = 100;

bool has_wildcard(std::string_view segment) {
    return segment.find_first_of("*?[\\") != std::string_view::npos;
}

/// `[a-z]`, `[!a]`, `[^a]`; moves `at` past the `]`. A `[` without `]` is refused by compile().
bool class_matches(std::string_view pattern, size_t& at, char c) {
    size_t i = at + 1;
    const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    i += negated ? 1 : 0;
    bool hit = false;
    for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
        const auto low = static_cast<unsigned char>(pattern[i]);
        auto high = low;
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = static_cast<unsigned char>(pattern[i + 2]);
            i += 2;
        }
        const auto byte = static_cast<unsigned char>(c);
        hit = hit || (low <= byte && byte <= high);
        ++i;
    }
    at = i + 1;
    return hit != negated;
}

/// One pattern element against `c`; moves `at` past the element.
bool element_matches(std::string_view pattern, size_t& at, char c) {
    switch (pattern[at]) {
        case '?':
            ++at;
            return true;
        case '[':
            return class_matches(pattern, at, c);
        case '\\':
            at += at + 1 < pattern.size() ? 1 : 0;
            [[fallthrough]];
        default:
            return pattern[at++] == c;
    }
}

bool class_is_closed(std::string_view segment, size_t open) {
    size_t i = open + 1;
    i += i < segment.size() && (segment[i] == '!' || segment[i] == '^') ? 1 : 0;
    return segment.find(']', i + 1) != std::string_view::npos;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < path.size();) {
        const size_t slash = std::min(path.find('/', at), path.size());
        if (slash > at) {
            parts.emplace_back(path.substr(at, slash - at));
        }
        at = slash + 1;
    }
    return parts;
}

bool segments_match(
    std::span<const std::string> pattern, std::span<const std::string> path, Hidden hidden
) {
    if (pattern.empty()) {
        return path.empty();
    }
    if (pattern[0] == "**") {
        for (size_t skip = 0; skip <= path.size(); ++skip) {
            if (segments_match(pattern.subspan(1), path.subspan(skip), hidden)) {
                return true;
            }
            if (skip < path.size() && hidden == Hidden::kNamed && path[skip].starts_with('.')) {
                return false;
            }
        }
        return false;
    }
    return !path.empty() && segment_matches(pattern[0], path[0], hidden) &&
           segments_match(pattern.subspan(1), path.subspan(1), hidden);
}

bool any_matches(const std::vector<Glob>& globs, const std::string& path) {
    return std::ranges::any_of(globs, [&](const Glob& glob) {
        return glob.matches(path, Hidden::kAny);
    });
}

std::string join(const std::string& directory, std::string_view name) {
    return directory == "/" ? fmt::format("/{}", name) : fmt::format("{}/{}", directory, name);
}

}  // namespace

std::string with_remedy(const Error& error) {
    const bool is_denied = error.message.ends_with(std::generic_category().message(EACCES)) ||
                           error.message.ends_with(std::generic_category().message(EPERM));
    return is_denied ? error.message +
                           ": give seyir-agent read permission (systemd: the drop-in "
                           "10-read-all.conf.example in its documentation folder) or exclude it"
                     : error.message;
}

bool segment_matches(std::string_view pattern, std::string_view name, Hidden hidden) {
    if (hidden == Hidden::kNamed && name.starts_with('.') && !pattern.starts_with('.') &&
        !pattern.starts_with("\\.")) {
        return false;
    }
    // Backtracks to the last star only: a later star makes an earlier choice irrelevant.
    size_t p = 0;
    size_t n = 0;
    size_t star = std::string_view::npos;
    size_t star_name = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_name = n;
            continue;
        }
        size_t next = p;
        if (p < pattern.size() && element_matches(pattern, next, name[n])) {
            p = next;
            ++n;
            continue;
        }
        if (star == std::string_view::npos) {
            return false;
        }
        p = star;
        n = ++star_name;
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

Result<Glob> Glob::compile(const std::string& pattern) {
    if (!pattern.starts_with('/')) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("glob '{}' is not absolute: begin it with '/'", pattern)
        );
    }
    Glob glob;
    glob.text_ = pattern;
    std::vector<std::string> parts = split_path(pattern);
    if (parts.empty() || pattern.ends_with('/')) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("glob '{}' names a directory: add '/*' or '/**/*.log'", pattern)
        );
    }
    for (const std::string& part : parts) {
        const size_t open = part.find('[');
        if (open != std::string::npos && !class_is_closed(part, open)) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("glob '{}': '[' without ']' (write '\\[' for the character)", pattern)
            );
        }
        if (part == "." || part == "..") {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("glob '{}' holds '{}': write the path out", pattern, part)
            );
        }
    }
    if (parts.back() == "**") {
        parts.emplace_back("*");
    }
    // The root ends above the first wildcard, and always above the file itself.
    size_t literal = 0;
    while (literal + 1 < parts.size() && !has_wildcard(parts[literal])) {
        glob.root_ += "/" + parts[literal++];
    }
    if (glob.root_.empty()) {
        glob.root_ = "/";
    }
    glob.segments_.assign(parts.begin() + static_cast<ptrdiff_t>(literal), parts.end());
    return glob;
}

bool Glob::matches(std::string_view path, Hidden hidden) const {
    const std::string_view base = root_ == "/" ? std::string_view() : std::string_view(root_);
    if (!path.starts_with(base) || path.size() <= base.size() || path[base.size()] != '/') {
        return false;
    }
    return segments_match(segments_, split_path(path.substr(base.size())), hidden);
}

struct GlobWalker::Walk {
    const Glob* glob = nullptr;
    const std::vector<Glob>* exclude = nullptr;
    size_t files_max = 0;
    size_t refused = 0;
    std::set<std::string> directories;
    std::set<std::string> seen;
    std::vector<FoundFile> found;
};

std::vector<FoundFile> GlobWalker::walk(
    const std::vector<Glob>& include,
    const std::vector<Glob>& exclude,
    size_t files_max,
    std::vector<std::string>& directories
) {
    complaints_.clear();
    Walk walk{.exclude = &exclude, .files_max = files_max};
    for (const Glob& glob : include) {
        walk.glob = &glob;
        descend(walk, glob.root(), 0, 0);
    }
    if (walk.refused > 0) {
        complaints_.push_back(fmt::format(
            "files beyond max_files ({}) are not read (seyir_agent_tail_files_beyond_max counts "
            "them): raise it or narrow the globs",
            files_max
        ));
    }
    refused_count_ = walk.refused;
    directories.assign(walk.directories.begin(), walk.directories.end());
    std::ranges::sort(walk.found, {}, &FoundFile::path);
    return std::move(walk.found);
}

void GlobWalker::descend(Walk& walk, const std::string& directory, size_t segment, unsigned depth) {
    const std::vector<std::string>& segments = walk.glob->segments();
    const std::string& pattern = segments[segment];
    walk.directories.insert(directory);
    if (pattern != "**" && !has_wildcard(pattern)) {
        visit(walk, join(directory, pattern), segment, depth);
        return;
    }
    const auto names = fs_.list(directory);
    if (!names) {
        if (names.error().code != ErrorCode::kNotFound && complaints_.size() < kComplaintsMax) {
            complaints_.push_back(with_remedy(names.error()));
        }
        return;
    }
    for (const std::string& name : *names) {
        if (pattern != "**") {
            if (segment_matches(pattern, name)) {
                visit(walk, join(directory, name), segment, depth);
            }
            continue;
        }
        // `**` is nothing here, or this directory and what lies below.
        if (segments[segment + 1] != "**" && segment_matches(segments[segment + 1], name)) {
            visit(walk, join(directory, name), segment + 1, depth);
        }
        if (name.starts_with('.') || depth >= kDepthMax) {
            continue;
        }
        const std::string path = join(directory, name);
        const auto info = fs_.lstat(path);
        if (info && info->is_directory) {
            descend(walk, path, segment, depth + 1);
        }
    }
}

void GlobWalker::visit(Walk& walk, const std::string& path, size_t segment, unsigned depth) {
    const auto info = safe_stat(path, walk.glob->root());
    if (!info) {
        if (info.error().code != ErrorCode::kNotFound && complaints_.size() < kComplaintsMax) {
            complaints_.push_back(with_remedy(info.error()));
        }
        return;
    }
    if (segment + 1 < walk.glob->segments().size()) {
        if (info->is_directory && depth < kDepthMax) {
            descend(walk, path, segment + 1, depth + 1);
        }
        return;
    }
    if (!info->is_regular || any_matches(*walk.exclude, path) || walk.seen.contains(path)) {
        return;
    }
    if (walk.found.size() >= walk.files_max) {
        ++walk.refused;
        return;
    }
    walk.seen.insert(path);
    walk.found.push_back({path, *info});
}

Result<FoundFile> GlobWalker::look(
    const std::string& path, const std::vector<Glob>& include, const std::vector<Glob>& exclude
) {
    for (const Glob& glob : include) {
        if (!glob.matches(path)) {
            continue;
        }
        if (any_matches(exclude, path)) {
            break;
        }
        SEYIR_TRY(const io::FileInfo info, safe_stat(path, glob.root()));
        if (!info.is_regular) {
            break;
        }
        return FoundFile{path, info};
    }
    return fail(ErrorCode::kNotFound, path + " is not a file of this input");
}

Result<io::FileInfo> GlobWalker::safe_stat(const std::string& path, const std::string& root) {
    SEYIR_TRY(const io::FileInfo link, fs_.lstat(path));
    if (!link.is_symlink) {
        return link;
    }
    SEYIR_TRY(io::FileInfo target, fs_.stat(path));
    target.is_symlink = true;
    if (target.owner_uid == link.owner_uid) {
        return target;
    }
    // Somebody who may write into a log directory must not be able to have /etc/shadow shipped.
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), ::free);
    const std::unique_ptr<char, void (*)(void*)> base(::realpath(root.c_str(), nullptr), ::free);
    if (real && base && std::string_view(real.get()).starts_with(join(base.get(), ""))) {
        return target;
    }
    return fail(
        ErrorCode::kRefused,
        fmt::format(
            "{} is a symlink of uid {} to a file of uid {} outside {}: not followed; include the "
            "file itself, or exclude the link",
            path,
            link.owner_uid,
            target.owner_uid,
            root
        )
    );
}

}  // namespace seyir::agent::input

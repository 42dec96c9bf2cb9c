// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/folder_book.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/base/units.hpp"

namespace seyir::buffer {
namespace {

constexpr uint64_t kBookBytesMax = kMiB;

std::optional<KnownFolder> parse_line(std::string_view line) {
    const size_t tab = line.find('\t');
    if (line.size() < 3 || tab == std::string_view::npos || (line[0] != '+' && line[0] != '-')) {
        return std::nullopt;
    }
    return KnownFolder{
        .id = std::string(line.substr(1, tab - 1)),
        .folder = std::string(line.substr(tab + 1)),
        .is_owned = line[0] == '+'
    };
}

}  // namespace

FolderBook::FolderBook(io::FileSystem& fs, std::string state_dir)
    : fs_(fs), directory_(std::move(state_dir) + "/buffer") {}

Result<std::vector<KnownFolder>> FolderBook::read() const {
    std::vector<KnownFolder> known;
    auto text = io::read_file(fs_, directory_ + "/folders", kBookBytesMax);
    if (!text && text.error().code != ErrorCode::kNotFound) {
        return text.error();
    }
    for (std::string_view rest = text ? std::string_view(*text) : std::string_view();
         !rest.empty();) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        if (auto one = parse_line(rest.substr(0, end))) {
            known.push_back(*std::move(one));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    auto names = fs_.list(directory_);
    if (!names && names.error().code != ErrorCode::kNotFound) {
        return names.error();
    }
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
        const std::string folder = directory_ + "/" + name;
        const bool is_listed =
            std::ranges::find(known, folder, &KnownFolder::folder) != known.end();
        const auto info = fs_.stat(folder);
        if (!is_listed && info && info->is_directory) {
            known.push_back({.id = name, .folder = folder});
        }
    }
    std::erase_if(known, [&](const KnownFolder& one) {
        const auto info = fs_.stat(one.folder);
        return !info && info.error().code == ErrorCode::kNotFound;
    });
    std::ranges::sort(known, {}, &KnownFolder::id);
    return known;
}

Result<std::vector<LeftFolder>> FolderBook::update(const std::map<std::string, std::string>& owned
) {
    SEYIR_TRY(const std::vector<KnownFolder> known, read());
    std::vector<LeftFolder> left;
    std::vector<KnownFolder> next;
    for (const auto& [folder, id] : owned) {
        next.push_back({.id = id, .folder = folder, .is_owned = true});
    }
    for (const KnownFolder& one : known) {
        if (owned.contains(one.folder)) {
            continue;
        }
        const auto report =
            inspect_folder(fs_, one.folder, [](const FrameHeader&, std::string_view) {});
        // One that cannot be read now stays in the book: it may be mounted later.
        if (!report || report->rows_waiting > 0) {
            next.push_back({.id = one.id, .folder = one.folder});
        }
        if (report && report->rows_waiting > 0) {
            left.push_back({one.id, one.folder, report->rows_waiting});
        }
    }
    if (!next.empty() || !known.empty()) {
        SEYIR_CHECK(write(next));
    }
    return left;
}

Result<void> FolderBook::write(const std::vector<KnownFolder>& folders) {
    std::string text;
    for (const KnownFolder& one : folders) {
        text += fmt::format("{}{}\t{}\n", one.is_owned ? '+' : '-', one.id, one.folder);
    }
    const auto before = io::read_file(fs_, directory_ + "/folders", kBookBytesMax);
    if (before && *before == text) {
        return {};
    }
    SEYIR_CHECK(fs_.make_directories(directory_));
    return io::write_file_atomically(fs_, directory_ + "/folders", text);
}

std::string remedy_for(const std::string& id, const std::string& folder) {
    return fmt::format(
        "give an output `buffer: {{type: disk, path: {}}}` (it was `{}`) to have them sent, or "
        "save "
        "them with `seyir buffer export {}` and delete the folder",
        folder,
        id,
        folder
    );
}

}  // namespace seyir::buffer

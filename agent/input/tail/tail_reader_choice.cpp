// SPDX-License-Identifier: Apache-2.0
// TailReader: which files are left out though they match, and what is said of files.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

constexpr size_t kComplaintsMax = 100;

}  // namespace

void TailReader::begin(TailFile& file) {
    if (!leave_out(file)) {
        enqueue(file);
    }
}

bool TailReader::is_too_old(const TailFile& file) const {
    return options_.ignore_older.count() > 0 &&
           file.modified < deps_.clock.wall_now() - options_.ignore_older;
}

void TailReader::leave_out_old(TailFile& file) {
    close_handle(file);
    file.state = FileState::kIgnored;
    file.left_out = LeftOut::kTooOld;
    claimant_.give_back(file.id);
}

bool TailReader::leave_out(TailFile& file) {
    // (Its device may have another number since; the first bytes tell then.)
    const auto may_be_its = [&](const checkpoint::LaneCheckpoint& lane) {
        return lane.inode == file.id.inode && lane.birth == file.id.birth;
    };
    if (is_too_old(file) && std::ranges::none_of(memory_, may_be_its)) {
        complaints_.erase(file.path);
        leave_out_old(file);
        return true;
    }
    const std::string reader = claimant_.claim(file.id);
    if (!reader.empty()) {
        file.state = FileState::kIgnored;
        file.left_out = LeftOut::kOthers;
        note_complaint(
            file.path,
            fmt::format(
                "{} is read by input `{}` already: use one input and two routes", file.path, reader
            )
        );
        return true;
    }
    if (file.left_out == LeftOut::kOthers) {
        complaints_.erase(file.path);
        log::info("tail", file.path + " is read from now on", {{"input", options_.id}});
    }
    file.state = FileState::kNew;
    file.left_out = LeftOut::kNot;
    return false;
}

/// Another input may match what this one read before: it keeps its files over a restart, whichever
/// input looks first.
void TailReader::reserve_remembered() {
    for (const checkpoint::LaneCheckpoint& lane : memory_) {
        if (lane.inode != 0) {
            claimant_.claim({lane.device, lane.inode, lane.birth});
        }
    }
}

void TailReader::give_back_unused() {
    for (const checkpoint::LaneCheckpoint& lane : memory_) {
        const FileIdentity id{lane.device, lane.inode, lane.birth};
        if (!by_id_.contains(id)) {
            claimant_.give_back(id);
        }
    }
}

/// Each once, until it is over.
void TailReader::log_walk() {
    std::set<std::string> said(walker_.complaints().begin(), walker_.complaints().end());
    for (const std::string& complaint : said) {
        if (!walk_said_.contains(complaint)) {
            log::warn("tail", complaint, {{"input", options_.id}});
        }
    }
    walk_said_ = std::move(said);
}

/// A path with a mistake in it looks like one that nothing was written to yet: said once.
void TailReader::name_unmatched(const std::vector<FoundFile>& found) const {
    for (const Glob& glob : include_) {
        if (std::ranges::none_of(found, [&](const FoundFile& f) { return glob.matches(f.path); })) {
            const bool is_missing = !deps_.fs.lstat(glob.root());
            log::warn(
                "tail",
                is_missing ? fmt::format("{}: there is no folder {}", glob.text(), glob.root())
                           : fmt::format("{} matches no file so far", glob.text()),
                {{"input", options_.id}}
            );
        }
    }
}

void TailReader::give_back(const TailFile& file) {
    // (Another lane of this input may go on in the same file.)
    if (!by_id_.contains(file.id)) {
        claimant_.give_back(file.id);
    }
}

void TailReader::complain(const TailFile& file, const Error& error) {
    counters_.read_errors.add();
    note_complaint(file.path, with_remedy(error));
}

void TailReader::note_complaint(const std::string& path, const std::string& message) {
    if (complaints_.size() < kComplaintsMax && complaints_.emplace(path, message).second) {
        log::warn("tail", message, {{"input", options_.id}});
    }
}

}  // namespace seyir::agent::input

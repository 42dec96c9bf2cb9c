// SPDX-License-Identifier: Apache-2.0
#include "collector/store/state/catalogue.hpp"

#include "common/base/log.hpp"

namespace seyir::store {

DayFolder::~DayFolder() {
    Result<void> removed;
    for (const std::string& file : dropped_) {
        if (auto one = fs_.remove(file); !one) {
            removed = std::move(one);
        }
    }
    if (!removed) {
        // They are not in the catalogue any more: the next open removes them.
        log::warn(
            "store", "cannot remove dropped segments yet", {{"error", removed.error().message}}
        );
    }
    if (!dropped_.empty() && rest_ == nullptr) {
        // Not when late rows of that day were sealed meanwhile.
        (void)fs_.remove_directory(path_);
    }
}

Catalogue::Catalogue(io::FileSystem& fs, std::string segments_path)
    : fs_(fs),
      segments_path_(std::move(segments_path)),
      view_(std::make_shared<const CatalogueView>()) {}

std::shared_ptr<DayFolder> Catalogue::folder(Day day) const {
    return std::make_shared<DayFolder>(fs_, segments_path_ + "/" + day.folder());
}

Result<void> Catalogue::load(const Database& database) {
    auto loaded = std::make_shared<CatalogueView>();
    SEYIR_CHECK(database.scan(
        Family::kCatalogue,
        "d",
        "e",
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            const auto day = key::parse_day_totals(bytes);
            if (!day) {
                return fail(ErrorCode::kCorrupt, "the catalogue has a malformed day key");
            }
            DayState state;
            SEYIR_TRY(state.totals, decode_day_totals(value));
            state.folder = folder(*day);
            loaded->emplace(*day, std::move(state));
            return true;
        }
    ));
    const std::lock_guard lock(mutex_);
    view_ = std::move(loaded);
    return {};
}

CatalogueViewPtr Catalogue::view() const {
    const std::lock_guard lock(mutex_);
    return view_;
}

void Catalogue::add(const std::vector<SegmentSummary>& segments) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<CatalogueView>(*view_);
    for (const SegmentSummary& segment : segments) {
        DayState& state = (*next)[segment.day];
        if (state.folder == nullptr) {
            state.folder = folder(segment.day);
            state.segments = std::make_shared<const SegmentList>();
        }
        store::add(state.totals, segment);
        ++state.version;
        if (state.segments != nullptr) {
            auto list = std::make_shared<SegmentList>(*state.segments);
            list->push_back(std::make_shared<const SegmentSummary>(segment));
            state.segments = std::move(list);
        }
    }
    view_ = std::move(next);
}

CatalogueViewPtr Catalogue::drop(
    const DroppedSegments& dropped, const std::map<Day, DayState>& rests
) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<CatalogueView>(*view_);
    for (const auto& [day, ids] : dropped) {
        const auto at = next->find(day);
        if (at == next->end()) {
            continue;
        }
        std::vector<std::string> files;
        for (const SegmentId id : ids) {
            files.push_back(segment_path(segments_path_, day, id));
        }
        const auto rest = rests.find(day);
        const bool has_rest = rest != rests.end();
        const auto later = has_rest ? folder(day) : nullptr;
        at->second.folder->drop(std::move(files), later);
        if (has_rest) {
            at->second.totals = rest->second.totals;
            at->second.segments = rest->second.segments;
            at->second.folder = later;
            ++at->second.version;
        } else {
            next->erase(at);
        }
    }
    return std::exchange(view_, std::move(next));
}

Result<SegmentListPtr> Catalogue::segments(
    const Snapshot& snapshot, Day day, const DayState& state
) {
    if (state.segments != nullptr) {
        return state.segments;
    }
    auto list = std::make_shared<SegmentList>();
    const std::string prefix = key::segment_prefix(day);
    SEYIR_CHECK(snapshot.database().scan(
        Family::kCatalogue,
        prefix,
        key::prefix_end(prefix),
        [&](std::string_view bytes, std::string_view value) -> Result<bool> {
            const auto id = key::parse_segment(bytes);
            if (!id) {
                return fail(ErrorCode::kCorrupt, "the catalogue has a malformed segment key");
            }
            SEYIR_TRY(auto summary, decode_segment(day, *id, value));
            list->push_back(std::make_shared<const SegmentSummary>(std::move(summary)));
            return true;
        },
        &snapshot
    ));
    const std::lock_guard lock(mutex_);
    const auto at = view_->find(day);
    if (at != view_->end() && at->second.version == state.version &&
        at->second.folder == state.folder) {
        auto next = std::make_shared<CatalogueView>(*view_);
        (*next)[day].segments = list;
        view_ = std::move(next);
    }
    return SegmentListPtr(std::move(list));
}

Result<std::vector<BlockRow>> read_block_rows(
    const Snapshot& snapshot, const SegmentSummary& segment
) {
    std::vector<BlockRow> rows;
    rows.reserve(segment.blocks);
    const std::string prefix = key::block_prefix(segment.day, segment.id);
    SEYIR_CHECK(snapshot.database().scan(
        Family::kCatalogue,
        prefix,
        key::prefix_end(prefix),
        [&](std::string_view, std::string_view value) -> Result<bool> {
            SEYIR_TRY(auto row, decode_block_row(value));
            rows.push_back(std::move(row));
            return true;
        },
        &snapshot
    ));
    return rows;
}

}  // namespace seyir::store

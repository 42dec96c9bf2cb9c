// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/buffer_set.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/buffer/buffered_output.hpp"
#include "common/buffer/spooled_output.hpp"

namespace seyir::buffer {

BufferSet::BufferSet(
    io::FileSystem& fs,
    io::Clock& clock,
    metrics::Registry& registry,
    std::string state_dir,
    io::DiskBudget* budget
)
    : fs_(fs),
      clock_(clock),
      registry_(registry),
      state_dir_(std::move(state_dir)),
      budget_(budget),
      opened_(std::make_shared<Opened>()),
      book_(fs, state_dir_) {
    registry.on_collect([opened = std::weak_ptr(opened_)] {
        if (const auto set = opened.lock()) {
            const std::lock_guard lock(set->mutex);
            for (const auto& [id, buffer] : set->by_id) {
                buffer.second->refresh_metrics();
            }
        }
    });
}

std::unique_ptr<pipeline::Output> BufferSet::wrap(
    std::unique_ptr<pipeline::Output> inner, BufferedOutputSetup setup
) {
    using Kind = BufferOptions::Kind;
    const Kind kind = setup.buffer.kind;
    if (kind == Kind::kNone || (kind == Kind::kMemory && inner->keeps_positions())) {
        return inner;
    }
    if (kind == Kind::kMemory) {
        return std::make_unique<MemoryBufferedOutput>(
            std::move(inner), std::move(setup), clock_, registry_
        );
    }
    if (kind == Kind::kSpool && dynamic_cast<pipeline::PositionSource*>(inner.get()) != nullptr) {
        return std::make_unique<SpooledOutput>(
            *this, std::move(inner), std::move(setup), fs_, clock_
        );
    }
    return std::make_unique<DiskBufferedOutput>(*this, std::move(inner), std::move(setup), clock_);
}

std::string BufferSet::directory_of(const std::string& id, const BufferOptions& options) const {
    return options.path.empty() ? state_dir_ + "/buffer/" + id : options.path;
}

Result<std::shared_ptr<DiskBuffer>> BufferSet::open(
    const std::string& id, const BufferOptions& options
) {
    const std::string directory = directory_of(id, options);
    const std::lock_guard lock(opened_->mutex);
    for (const auto& [other, buffer] : opened_->by_id) {
        if (other != id && buffer.first == directory) {
            return fail(
                ErrorCode::kConflict,
                fmt::format(
                    "outputs `{}` and `{}` have the same buffer folder {}", other, id, directory
                )
            );
        }
    }
    const auto at = opened_->by_id.find(id);
    if (at != opened_->by_id.end() && at->second.first == directory) {
        at->second.second->set_options(options);
        return at->second.second;
    }
    auto buffer = std::make_shared<DiskBuffer>(
        DiskBuffer::Setup{
            .id = id,
            .directory = directory,
            .options = options,
            .segment_bytes = 0,
            .budget = budget_
        },
        fs_,
        clock_,
        registry_
    );
    if (auto opened = buffer->open(); !opened) {
        return opened.error().context("opening the buffer of output " + id);
    }
    opened_->by_id[id] = {directory, buffer};
    return buffer;
}

void BufferSet::keep_only(const std::vector<std::string>& ids) {
    std::vector<std::shared_ptr<DiskBuffer>> closing;
    const std::lock_guard lock(opened_->mutex);
    for (auto at = opened_->by_id.begin(); at != opened_->by_id.end();) {
        const bool is_used = at->second.second.use_count() > 1;
        if (is_used && std::ranges::find(ids, at->first) != ids.end()) {
            ++at;
            continue;
        }
        closing.push_back(at->second.second);
        at = opened_->by_id.erase(at);
    }
}

std::vector<LeftFolder> BufferSet::find_left() {
    std::map<std::string, std::string> owned;
    {
        const std::lock_guard lock(opened_->mutex);
        for (const auto& [id, buffer] : opened_->by_id) {
            owned.emplace(buffer.first, id);
        }
    }
    auto found = book_.update(owned);
    if (!found) {
        log::warn(
            "buffer", "folders left behind are not known", {{"error", found.error().message}}
        );
        return left_;
    }
    for (const LeftFolder& one : *found) {
        if (std::ranges::find(left_, one) == left_.end()) {
            log::warn(
                "buffer",
                "rows wait in a folder that no output sends: " + remedy_for(one.id, one.folder),
                {{"output", one.id}, {"folder", one.folder}, {"rows", std::to_string(one.rows)}}
            );
        }
    }
    left_ = *std::move(found);
    return left_;
}

}  // namespace seyir::buffer

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/tail_file.hpp"

#include <cstring>

namespace seyir::agent::input {

void TailBytes::assign(std::string_view consumed) {
    size_ = 0;
    append(consumed);
}

void TailBytes::append(std::string_view consumed) {
    if (consumed.size() >= bytes_.size()) {
        std::memcpy(bytes_.data(), consumed.end() - bytes_.size(), bytes_.size());
        size_ = static_cast<uint16_t>(bytes_.size());
        return;
    }
    const size_t kept = std::min<size_t>(size_, bytes_.size() - consumed.size());
    std::memmove(bytes_.data(), bytes_.data() + size_ - kept, kept);
    std::memcpy(bytes_.data() + kept, consumed.data(), consumed.size());
    size_ = static_cast<uint16_t>(kept + consumed.size());
}

checkpoint::LaneCheckpoint to_checkpoint(const TailFile& file, UnixNanos now) {
    checkpoint::LaneCheckpoint lane;
    lane.key = file.key;
    lane.path = file.path;
    lane.device = file.id.device;
    lane.inode = file.id.inode;
    lane.birth = file.id.birth;
    lane.start = file.start;
    lane.acked_end = file.acked.offset;
    lane.tail_hash = file.acked.tail_hash;
    lane.prefix_bytes = file.prefix.length;
    lane.prefix_hash = file.prefix.hash;
    lane.has_consumed = file.acked.consumed_valid;
    if (lane.has_consumed) {
        lane.consumed_state = file.acked.consumed.state();
    }
    if (file.state == FileState::kIgnored && file.covered_end > 0) {
        lane.complete = true;
        lane.acked_end = file.covered_end;
    }
    lane.store_id = file.store_id;
    lane.last_ts = file.last_ts;
    lane.seen = now;
    return lane;
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/stdin/line_batcher.hpp"

#include <algorithm>
#include <utility>

namespace seyir::agent::input {

LineBatcher::LineBatcher(StreamLabelsPtr labels, uint64_t max_line_bytes)
    : labels_(std::move(labels)), max_line_bytes_(max_line_bytes) {
    begin_batch();
}

void LineBatcher::begin_batch() {
    batch_ = std::make_shared<RecordBatch>();
    stream_ = batch_->add_stream(labels_);
}

void LineBatcher::add(std::string_view bytes, UnixNanos now) {
    while (!bytes.empty()) {
        const size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        const bool is_whole = rest_.empty() && part.size() <= max_line_bytes_;
        if (end != std::string_view::npos && is_whole && !is_splitting_) {
            add_row(part, now);
            bytes.remove_prefix(end + 1);
            continue;
        }
        const size_t room = max_line_bytes_ - rest_.size();
        if (part.size() > room) {
            rest_.append(part.substr(0, room));
            bytes.remove_prefix(room);
            add_row(rest_, now);
            rest_.clear();
            split_lines_ += std::exchange(is_splitting_, true) ? 0 : 1;
            continue;
        }
        rest_.append(part);
        if (end == std::string_view::npos) {
            return;
        }
        bytes.remove_prefix(end + 1);
        if (!rest_.empty() || !is_splitting_) {
            add_row(rest_, now);
        }
        rest_.clear();
        is_splitting_ = false;
    }
}

void LineBatcher::end(UnixNanos now) {
    if (!rest_.empty()) {
        add_row(rest_, now);
        rest_.clear();
    }
    is_splitting_ = false;
}

void LineBatcher::add_row(std::string_view line, UnixNanos now) {
    last_ts_ = std::max(now, last_ts_ + Nanos(1));
    Row row;
    row.ts = last_ts_;
    row.stream = stream_;
    row.body = batch_->arena().copy(line);
    batch_->append_row(row);
}

std::shared_ptr<RecordBatch> LineBatcher::take() {
    auto done = std::move(batch_);
    begin_batch();
    return done;
}

}  // namespace seyir::agent::input

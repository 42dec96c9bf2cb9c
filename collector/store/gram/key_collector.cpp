// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/key_collector.hpp"

#include <algorithm>
#include <utility>

#include "collector/store/gram/fold.hpp"

namespace seyir::store::gram {
namespace {

// A block of usual size is scanned at once; of a greater one the runs are forgotten in between.
constexpr size_t kBufferBytes = 2 * 1024 * 1024;
constexpr size_t kRawBytes = 16 * 1024;  // folded together: texts may be short
constexpr size_t kShortRunsBits = 13;
constexpr size_t kLongRunsBits = 13;
constexpr size_t kRecentKeysBits = 14;

size_t slot(uint64_t bytes, size_t bits) {
    return static_cast<size_t>((bytes * 0x9e3779b97f4a7c15U) >> (64 - bits));
}

}  // namespace

KeyCollector::KeyCollector()
    : raw_(kRawBytes),
      short_runs_(size_t{1} << kShortRunsBits),
      long_runs_(size_t{1} << kLongRunsBits),
      recent_keys_(size_t{1} << kRecentKeysBits) {}

void KeyCollector::add(std::string_view text) {
    if (text.size() >= kRawBytes) {
        fold_raw();
        fold_in(text);
        buffer_[used_++] = '\n';
        return;
    }
    if (raw_used_ + text.size() + 1 > kRawBytes) {
        fold_raw();
    }
    std::ranges::copy(text, raw_.begin() + static_cast<ptrdiff_t>(raw_used_));
    raw_used_ += text.size();
    raw_[raw_used_++] = '\n';
}

void KeyCollector::fold_raw() {
    fold_in({raw_.data(), raw_used_});
    raw_used_ = 0;
}

/// Folds into the buffer, with room for a byte behind it.
void KeyCollector::fold_in(std::string_view text) {
    if (used_ + text.size() >= kBufferBytes) {
        scan();
    }
    const size_t needed = used_ + text.size() + 1 + kSlackBytes;
    if (buffer_.size() < needed) {
        buffer_.resize(std::max(needed, std::min(2 * needed, kBufferBytes + kSlackBytes)));
    }
    used_ += fold(text, buffer_.data() + used_);
}

std::vector<Key> KeyCollector::take() {
    fold_raw();
    scan();
    std::ranges::fill(recent_keys_, 0);
    if (buffer_.size() > 2 * kBufferBytes) {
        buffer_ = std::vector<char>();
    }
    return std::exchange(keys_, {});
}

void KeyCollector::scan() {
    if (used_ == 0) {
        return;
    }
    // The last word is filled up with what ends a run.
    std::fill_n(buffer_.data() + used_, kSlackBytes, '\n');
    size_t begin = 0;
    uint64_t is_inside = 0;
    for (size_t at = 0; at < used_; at += 64) {
        const uint64_t mask = run_mask(buffer_.data() + at);
        uint64_t edges = mask ^ ((mask << 1) | is_inside);
        while (edges != 0) {
            const size_t edge = at + static_cast<size_t>(std::countr_zero(edges));
            edges &= edges - 1;
            if (is_inside == 0) {
                begin = edge;
            } else {
                take_run(buffer_.data() + begin, edge - begin);
            }
            is_inside ^= 1;
        }
    }
    used_ = 0;
    std::ranges::fill(short_runs_, 0);
    std::ranges::fill(long_runs_, LongRun{});
}

void KeyCollector::take_run(const char* run, size_t size) {
    if (size > kWindowBytes) {
        return take_long(run, size);
    }
    const uint64_t bytes = load_short(run, size);
    uint64_t& known = short_runs_[slot(bytes, kShortRunsBits)];
    if (known == bytes) {
        return;
    }
    known = bytes;
    for_each_key(run, size, true, [this](Key key) { keep(key); });
}

void KeyCollector::take_long(const char* run, size_t size) {
    const uint64_t head = load_short(run, 8);
    const uint64_t tail = load_short(run + size - 8, 8);
    LongRun& known = long_runs_[slot(head ^ std::rotl(tail, 29) ^ size, kLongRunsBits)];
    if (known.head == head && known.tail == tail && known.size == size &&
        (size <= 16 || std::memcmp(buffer_.data() + known.at, run, size) == 0)) {
        return;
    }
    known = {head, tail, static_cast<uint32_t>(run - buffer_.data()), static_cast<uint32_t>(size)};
    for_each_long_key(run, size, [this](Key key) { keep(key); });
}

void KeyCollector::keep(Key key) {
    Key& known = recent_keys_[key >> (32 - kRecentKeysBits)];
    // An empty place holds 0, so the key 0 itself is never taken for known.
    if (known != key || key == 0) {
        known = key;
        keys_.push_back(key);
    }
}

}  // namespace seyir::store::gram

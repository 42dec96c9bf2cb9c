// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/framer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace seyir::plugins::syslog {
namespace {

constexpr size_t kCountDigitsMax = 9;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

void Framer::push(std::string_view bytes, const std::function<void(std::string_view)>& take) {
    while (!bytes.empty()) {
        bytes.remove_prefix(step(bytes, take));
    }
}

size_t Framer::step(std::string_view bytes, const std::function<void(std::string_view)>& take) {
    switch (state_) {
        case State::kBegin:
            // A message begins with `<`; a digit before it is a count.
            state_ = is_digit(bytes[0]) && bytes[0] != '0' ? State::kCount : State::kLine;
            return 0;
        case State::kCount: {
            if (is_digit(bytes[0]) && pending_.size() < kCountDigitsMax) {
                pending_ += bytes[0];
                return 1;
            }
            if (bytes[0] != ' ') {
                state_ = State::kLine;  // a line that begins with a number
                return 0;
            }
            std::from_chars(pending_.data(), pending_.data() + pending_.size(), left_);
            pending_.clear();
            state_ = State::kCounted;
            return 1;
        }
        case State::kCounted: {
            const size_t size = std::min<uint64_t>(left_, bytes.size());
            keep(bytes.substr(0, size));
            left_ -= size;
            if (left_ == 0) {
                give(take);
            }
            return size;
        }
        case State::kLine:
            break;
    }
    const size_t end = bytes.find('\n');
    keep(bytes.substr(0, end));
    if (end == std::string_view::npos) {
        return bytes.size();
    }
    give(take);
    return end + 1;
}

void Framer::keep(std::string_view bytes) {
    const size_t room = message_bytes_max_ - std::min(message_bytes_max_, pending_.size());
    is_cut_ = is_cut_ || bytes.size() > room;
    pending_ += bytes.substr(0, room);
}

void Framer::give(const std::function<void(std::string_view)>& take) {
    std::string_view message = pending_;
    // Senders that count often end the message with a newline all the same.
    while (message.ends_with('\n') || message.ends_with('\0')) {
        message.remove_suffix(1);
    }
    if (!message.empty()) {
        truncated_ += is_cut_ ? 1 : 0;
        take(message);
    }
    pending_.clear();
    is_cut_ = false;
    state_ = State::kBegin;
}

void Framer::finish(const std::function<void(std::string_view)>& take) {
    if (state_ == State::kCounted || state_ == State::kLine) {
        give(take);
    }
}

}  // namespace seyir::plugins::syslog

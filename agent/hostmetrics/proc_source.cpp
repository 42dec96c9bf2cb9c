// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/proc_source.hpp"

#include <algorithm>
#include <charconv>

namespace seyir::agent::hostmetrics {

std::string_view ProcSource::read(std::string& buffer) {
    if (!file_) {
        if (tries_left_ == 0) {
            return {};
        }
        auto opened = fs_.open(path_, io::OpenMode::kRead);
        if (!opened) {
            --tries_left_;
            return {};
        }
        file_ = *std::move(opened);
    }
    if (buffer.empty()) {
        buffer.resize(16 * 1024);
    }
    size_t size = 0;
    while (true) {
        const auto got = file_->read_at(size, {buffer.data() + size, buffer.size() - size});
        if (!got) {
            file_.reset();
            tries_left_ -= std::min(tries_left_, 1U);
            return {};
        }
        if (*got == 0) {
            return {buffer.data(), size};
        }
        size += *got;
        if (size == buffer.size()) {
            if (size >= kBytesMax) {
                return {buffer.data(), size};
            }
            buffer.resize(size * 2);
        }
    }
}

std::string_view Words::next() {
    const size_t begin = std::min(rest_.find_first_not_of(" \t"), rest_.size());
    const size_t end = std::min(rest_.find_first_of(" \t", begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return word;
}

uint64_t Words::next_number() {
    return to_number(next());
}

bool next_line(std::string_view& text, std::string_view& line) {
    if (text.empty()) {
        return false;
    }
    const size_t end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return true;
}

uint64_t to_number(std::string_view word) {
    uint64_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
}

}  // namespace seyir::agent::hostmetrics

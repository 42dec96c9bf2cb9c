// SPDX-License-Identifier: Apache-2.0
// TextCursor: words and characters of a line, from the left.
// Room: plugins/filter/parse.   Threads: one owner.   Ownership: slices of the line.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/record/slice.hpp"

namespace seyir::plugins::parse {

class TextCursor {
  public:
    explicit TextCursor(Slice text) : text_(text) {}

    bool is_end() const { return at_ == text_.size(); }

    size_t at() const { return at_; }

    void seek(size_t at) { at_ = at; }

    /// '\0' at the end.
    char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    Slice rest() const { return text_.substr(at_); }

    void skip(size_t bytes) { at_ = at_ + bytes < text_.size() ? at_ + bytes : text_.size(); }

    bool take(char c) {
        const bool fits = !is_end() && text_[at_] == c;
        at_ += fits ? 1 : 0;
        return fits;
    }

    bool take(std::string_view word) {
        const bool fits = rest().starts_with(word);
        at_ += fits ? word.size() : 0;
        return fits;
    }

    void skip_spaces() {
        while (peek() == ' ') {
            ++at_;
        }
    }

    /// Up to `stop`, which is not taken; the rest when there is none.
    Slice until(char stop) {
        const size_t end = text_.find(stop, at_);
        const Slice word = text_.substr(at_, end == Slice::npos ? Slice::npos : end - at_);
        at_ += word.size();
        return word;
    }

  private:
    Slice text_;
    size_t at_ = 0;
};

inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

inline bool is_letter(char c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

}  // namespace seyir::plugins::parse

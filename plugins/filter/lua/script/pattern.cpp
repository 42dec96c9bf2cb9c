// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/script/pattern.hpp"

#include <cctype>
#include <cstring>

namespace seyir::plugins::lua {
namespace {

constexpr int kDepthMax = 200;
constexpr char kEscape = '%';

bool in_class(unsigned char c, char name) {
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(name)));
    bool yes = false;
    switch (lower) {
        case 'a':
            yes = c < 128 && std::isalpha(c) != 0;
            break;
        case 'c':
            yes = c < 32 || c == 127;
            break;
        case 'd':
            yes = c >= '0' && c <= '9';
            break;
        case 'l':
            yes = c >= 'a' && c <= 'z';
            break;
        case 'p':
            yes = c < 128 && std::ispunct(c) != 0;
            break;
        case 's':
            yes = c == ' ' || (c >= '\t' && c <= '\r');
            break;
        case 'u':
            yes = c >= 'A' && c <= 'Z';
            break;
        case 'w':
            yes = c < 128 && std::isalnum(c) != 0;
            break;
        case 'x':
            yes = c < 128 && std::isxdigit(c) != 0;
            break;
        case 'z':
            yes = c == 0;
            break;
        default:
            return static_cast<unsigned char>(name) == c;
    }
    return (name >= 'A' && name <= 'Z') ? !yes : yes;
}

}  // namespace

const char* PatternMatcher::match(const char* at) {
    level_ = 0;
    return step(at, pattern_.data(), 0);
}

const char* PatternMatcher::give_up(const char* problem) {
    if (problem_ == nullptr) {
        problem_ = problem;
    }
    return nullptr;
}

bool PatternMatcher::spend() {
    if (steps_left_ == 0) {
        give_up("the pattern takes more steps than `max_instructions` has left");
        return false;
    }
    --steps_left_;
    return problem_ == nullptr;
}

const char* PatternMatcher::class_end(const char* p) {
    if (*p++ == kEscape) {
        return p == pattern_end() ? give_up("malformed pattern (ends with '%')") : p + 1;
    }
    if (p[-1] != '[') {
        return p;
    }
    if (p < pattern_end() && *p == '^') {
        ++p;
    }
    do {  // a ']' that comes first is a member
        if (p == pattern_end()) {
            return give_up("malformed pattern (missing ']')");
        }
        if (*p++ == kEscape) {
            if (p == pattern_end()) {
                return give_up("malformed pattern (missing ']')");
            }
            ++p;
        }
    } while (p == pattern_end() || *p != ']');
    return p + 1;
}

bool PatternMatcher::matches_set(unsigned char c, const char* p, const char* last) {
    bool found = true;
    if (p[1] == '^') {
        found = false;
        ++p;
    }
    while (++p < last) {
        if (*p == kEscape) {
            ++p;
            if (in_class(c, *p)) {
                return found;
            }
        } else if (p[1] == '-' && p + 2 < last) {
            p += 2;
            if (static_cast<unsigned char>(p[-2]) <= c && c <= static_cast<unsigned char>(*p)) {
                return found;
            }
        } else if (static_cast<unsigned char>(*p) == c) {
            return found;
        }
    }
    return !found;
}

bool PatternMatcher::matches_one(const char* s, const char* p, const char* after) const {
    if (s == end()) {
        return false;
    }
    const auto c = static_cast<unsigned char>(*s);
    switch (*p) {
        case '.':
            return true;
        case kEscape:
            return in_class(c, p[1]);
        case '[':
            return matches_set(c, p, after - 1);
        default:
            return static_cast<unsigned char>(*p) == c;
    }
}

const char* PatternMatcher::match_balance(const char* s, const char* p) {
    if (pattern_end() - p < 2) {
        return give_up("unbalanced pattern ('%b' needs two characters)");
    }
    if (s == end() || *s != *p) {
        return nullptr;
    }
    int open = 1;
    for (const char* at = s + 1; at < end() && spend(); ++at) {
        if (*at == p[1]) {
            if (--open == 0) {
                return at + 1;
            }
        } else if (*at == *p) {
            ++open;
        }
    }
    return nullptr;
}

bool PatternMatcher::matches_frontier(const char* s, const char* p, const char* after) {
    const auto before = s == subject_.data() ? '\0' : s[-1];
    const auto here = s == end() ? '\0' : *s;
    return !matches_set(static_cast<unsigned char>(before), p, after - 1) &&
           matches_set(static_cast<unsigned char>(here), p, after - 1);
}

const char* PatternMatcher::expand_most(
    const char* s, const char* p, const char* after, int depth
) {
    ptrdiff_t count = 0;
    while (matches_one(s + count, p, after)) {
        if (!spend()) {
            return nullptr;
        }
        ++count;
    }
    for (; count >= 0; --count) {
        if (const char* found = step(s + count, after + 1, depth + 1)) {
            return found;
        }
        if (problem_ != nullptr) {
            return nullptr;
        }
    }
    return nullptr;
}

const char* PatternMatcher::expand_least(
    const char* s, const char* p, const char* after, int depth
) {
    for (;; ++s) {
        const char* found = step(s, after + 1, depth + 1);
        if (found != nullptr || problem_ != nullptr) {
            return found;
        }
        if (!matches_one(s, p, after) || !spend()) {
            return nullptr;
        }
    }
}

const char* PatternMatcher::open_capture(const char* s, const char* p, ptrdiff_t kind, int depth) {
    if (level_ >= kCapturesMax) {
        return give_up("too many captures (at most 32)");
    }
    captures_[static_cast<size_t>(level_)] = {s, kind};
    ++level_;
    const char* found = step(s, p, depth + 1);
    if (found == nullptr) {
        --level_;
    }
    return found;
}

const char* PatternMatcher::close_capture(const char* s, const char* p, int depth) {
    for (int i = level_ - 1; i >= 0; --i) {
        Capture& capture = captures_[static_cast<size_t>(i)];
        if (capture.size == Capture::kUnfinished) {
            capture.size = s - capture.begin;
            const char* found = step(s, p, depth + 1);
            if (found == nullptr) {
                capture.size = Capture::kUnfinished;
            }
            return found;
        }
    }
    return give_up("invalid pattern capture (')' without '(')");
}

const char* PatternMatcher::match_reference(const char* s, char digit) {
    const int i = digit - '1';
    if (i < 0 || i >= level_ || capture(i).size == Capture::kUnfinished) {
        return give_up("invalid capture index");
    }
    const auto size = static_cast<size_t>(capture(i).size < 0 ? 0 : capture(i).size);
    const auto left = static_cast<size_t>(end() - s);
    steps_left_ -= steps_left_ < size ? steps_left_ : size;
    return size <= left && std::memcmp(capture(i).begin, s, size) == 0 ? s + size : nullptr;
}

bool PatternMatcher::is_special_escape(const char* p) const {
    return *p == kEscape && p + 1 < pattern_end() &&
           (p[1] == 'b' || p[1] == 'f' || (p[1] >= '0' && p[1] <= '9'));
}

const char* PatternMatcher::match_escape(const char* s, const char*& p) {
    const char kind = p[1];
    p += 2;
    if (kind == 'b') {
        s = match_balance(s, p);
        p += 2;
        return s;
    }
    if (kind != 'f') {
        return match_reference(s, kind);
    }
    if (p == pattern_end() || *p != '[') {
        return give_up("missing '[' after '%f' in pattern");
    }
    const char* after = class_end(p);
    if (after == nullptr || !matches_frontier(s, p, after)) {
        return nullptr;
    }
    p = after;
    return s;
}

const char* PatternMatcher::step(const char* s, const char* p, int depth) {
    if (depth > kDepthMax) {
        return give_up("pattern too complex (more than 200 levels)");
    }
    while (p != pattern_end()) {
        if (!spend()) {
            return nullptr;
        }
        if (*p == '(') {
            const bool is_position = p + 1 < pattern_end() && p[1] == ')';
            return is_position ? open_capture(s, p + 2, Capture::kPosition, depth)
                               : open_capture(s, p + 1, Capture::kUnfinished, depth);
        }
        if (*p == ')') {
            return close_capture(s, p + 1, depth);
        }
        if (*p == '$' && p + 1 == pattern_end()) {
            return s == end() ? s : nullptr;
        }
        if (is_special_escape(p)) {
            s = match_escape(s, p);
            if (s == nullptr) {
                return nullptr;
            }
            continue;
        }
        const char* after = class_end(p);
        if (after == nullptr) {
            return nullptr;
        }
        switch (after == pattern_end() ? '\0' : *after) {
            case '?':
                if (matches_one(s, p, after)) {
                    if (const char* found = step(s + 1, after + 1, depth + 1)) {
                        return found;
                    }
                    if (problem_ != nullptr) {
                        return nullptr;
                    }
                }
                p = after + 1;
                continue;
            case '*':
                return expand_most(s, p, after, depth);
            case '+':
                return matches_one(s, p, after) ? expand_most(s + 1, p, after, depth) : nullptr;
            case '-':
                return expand_least(s, p, after, depth);
            default:
                break;
        }
        if (!matches_one(s, p, after)) {
            return nullptr;
        }
        ++s;
        p = after;
    }
    return s;
}

}  // namespace seyir::plugins::lua

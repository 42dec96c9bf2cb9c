// SPDX-License-Identifier: Apache-2.0
// PatternMatcher: Lua 5.1's string patterns with a budget of steps. LuaJIT's own string.find() can
// take exponential time in C, where no instruction hook fires; this one ends with an error instead.
// Threads: one at a time.   Limits: 32 captures, 200 levels of recursion, the caller's steps.
// Ownership: borrows subject and pattern.   Spec: Lua 5.1 reference manual, 5.4.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace seyir::plugins::lua {

class PatternMatcher {
  public:
    static constexpr int kCapturesMax = 32;

    struct Capture {
        static constexpr ptrdiff_t kUnfinished = -1;
        static constexpr ptrdiff_t kPosition = -2;

        const char* begin = nullptr;
        ptrdiff_t size = 0;  ///< or one of the two above
    };

    /// `steps_left` is counted down; at 0 matching fails with a problem.
    PatternMatcher(std::string_view subject, std::string_view pattern, uint64_t& steps_left)
        : subject_(subject), pattern_(pattern), steps_left_(steps_left) {}

    /// The end of a match that begins at `at`, or nullptr: no match, or a problem.
    const char* match(const char* at);

    /// What is wrong with the pattern or the effort; nullptr when all is well. A static text.
    const char* problem() const { return problem_; }

    int capture_count() const { return level_; }

    const Capture& capture(int i) const { return captures_[static_cast<size_t>(i)]; }

    std::string_view subject() const { return subject_; }

  private:
    const char* step(const char* s, const char* p, int depth);
    const char* expand_most(const char* s, const char* p, const char* after, int depth);
    const char* expand_least(const char* s, const char* p, const char* after, int depth);
    const char* open_capture(const char* s, const char* p, ptrdiff_t kind, int depth);
    const char* close_capture(const char* s, const char* p, int depth);
    bool is_special_escape(const char* p) const;
    /// %b, %f and %1; moves `p` behind it.
    const char* match_escape(const char* s, const char*& p);
    const char* match_balance(const char* s, const char* p);
    const char* match_reference(const char* s, char digit);
    bool matches_frontier(const char* s, const char* p, const char* after);
    bool matches_one(const char* s, const char* p, const char* after) const;
    static bool matches_set(unsigned char c, const char* p, const char* last);
    const char* class_end(const char* p);
    bool spend();
    const char* give_up(const char* problem);

    const char* end() const { return subject_.data() + subject_.size(); }

    const char* pattern_end() const { return pattern_.data() + pattern_.size(); }

    std::string_view subject_;
    std::string_view pattern_;
    uint64_t& steps_left_;
    const char* problem_ = nullptr;
    int level_ = 0;
    std::array<Capture, kCapturesMax> captures_;
};

}  // namespace seyir::plugins::lua

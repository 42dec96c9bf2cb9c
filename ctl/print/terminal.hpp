// SPDX-License-Identifier: Apache-2.0
// What is special about printing for people: colours, local time, a progress line, and nothing in
// a record that the terminal would obey.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::ctl {

enum class Color { kDim, kBold, kRed, kGreen, kYellow, kBlue };

bool is_terminal(int descriptor);

/// `choice` is --color: "always", "never", "auto" or "" (auto: a terminal, no NO_COLOR, no
/// TERM=dumb).
bool wants_color(std::string_view choice, int descriptor);

void append_colored(std::string& out, Color color, std::string_view text, bool enabled);

/// Without what a terminal obeys or hides: C0 and C1 control bytes but tabs, and the Unicode
/// controls of writing direction. What is left is what can be seen.
std::string clean_text(std::string_view text);

/// "2026-11-22 10:23:46.123", local or UTC.
std::string display_time(UnixNanos t, bool utc);

/// "1763806800.25" of a metric answer, exactly.
UnixNanos nanos_of_seconds(std::string_view seconds);

/// "12,345".
std::string grouped(uint64_t number);

/// All of it to standard output; kClosed when nobody reads any more.
Result<void> print(std::string_view text);

/// One line on a terminal's stderr that says how far a long query is, from half a second on.
class Progress {
  public:
    /// `goal` rows at most (the limit).
    Progress(bool enabled, uint64_t goal);
    /// Removes the line.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void update(uint64_t rows, uint64_t bytes);
    void finish();

  private:
    bool enabled_;
    uint64_t goal_;
    SteadyTime started_;
    SteadyTime shown_at_;
    bool is_shown_ = false;
};

}  // namespace seyir::ctl

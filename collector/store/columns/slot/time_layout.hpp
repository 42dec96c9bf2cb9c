// SPDX-License-Identifier: Apache-2.0
// Times as text in a known layout, to numbers and back byte for byte. A layout has one length.
// Threads: immutable once made.   Limits: years 1 to 2199, fractions up to nanoseconds.
// Format: docs/format/columns.md, "time layouts": %Y %y %m %b %a %d %e %H %M %S %1 .. %9 (digits of
// the fraction); everything else stands for itself. Times are in units of the fraction since 1970,
// without regard to the zone, which is literal text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seyir::store::columns {

class TimeLayout {
  public:
    static constexpr size_t kLengthMax = 96;

    /// Nothing for a pattern that is unknown or cannot tell a time.
    static std::optional<TimeLayout> from_pattern(std::string_view pattern);
    /// The layout of the time `text` begins with.
    static std::optional<TimeLayout> detect(std::string_view text);

    const std::string& pattern() const { return pattern_; }

    size_t length() const { return length_; }

    /// All bytes that append() may write, and perhaps others.
    std::string alphabet() const;

    int64_t unit_ns() const { return unit_ns_; }

    /// Nothing unless `text` is exactly what append() would write for the answer.
    std::optional<int64_t> parse(std::string_view text) const;
    /// The same as parse(text), faster when only the fraction differs from `known`, a text whose
    /// number is `known_value`; "" for none.
    std::optional<int64_t> parse_near(
        std::string_view text, std::string_view known, int64_t known_value
    ) const;
    /// Writes length() bytes; returns their end.
    char* write(char* to, int64_t value) const;

    void append(std::string& out, int64_t value) const {
        char text[kLengthMax];
        out.append(text, static_cast<size_t>(write(text, value) - text));
    }

    bool operator==(const TimeLayout& other) const { return pattern_ == other.pattern_; }

  private:
    bool may_begin(std::string_view text) const;
    void write_seconds(char* to, int64_t seconds) const;

    struct Step {
        char directive = 0;  ///< 0: the literal
        char literal = 0;
    };

    std::string pattern_;
    uint64_t id_ = 0;  ///< layouts that have the same have the same pattern
    std::vector<Step> steps_;
    size_t length_ = 0;
    int64_t unit_ns_ = 1'000'000'000;
    int64_t units_per_second_ = 1;
    size_t fraction_at_ = 0;
    size_t fraction_size_ = 0;  ///< 0: there is none
    bool has_weekday_ = false;
};

}  // namespace seyir::store::columns

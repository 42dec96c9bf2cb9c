// SPDX-License-Identifier: Apache-2.0
// TimeFormat: text or number -> UnixNanos, by a name (rfc3339, unix, unix_ms, auto, ...) or a
// pattern as of strptime with %L for fractions.
// Room: plugins/filter/parse/time.   Threads: immutable.
// Errors: compile: kInvalidArgument with what is not known; parse: nothing.
// A time outside 1678 to 2262 is read as the nearest there is.
// Spec: RFC 3339; strptime(3): %Y %y %m %d %e %H %I %M %S %p %b %B %h %a %A %j %z %Z %s %T %D %F
// %R %n %t %%; %L %f %N: digits of a fraction, as many as there are.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/value.hpp"
#include "common/time/time_zone.hpp"

namespace seyir::plugins::parse {

class TimeFormat {
  public:
    TimeFormat() = default;  ///< auto

    static Result<TimeFormat> compile(std::string_view text);

    /// What the text leaves open is filled in: the zone, and the year or date nearest to
    /// `reference`.
    std::optional<UnixNanos> parse(const Value& value, UnixNanos reference, const TimeZone& zone)
        const;

    /// The same text always is the same time: results may be kept.
    bool is_complete() const { return is_complete_; }

  private:
    enum class Kind { kAuto, kRfc3339, kSeconds, kMillis, kMicros, kNanos, kPattern };

    std::optional<UnixNanos> parse_text(
        std::string_view text, UnixNanos reference, const TimeZone& zone
    ) const;

    Kind kind_ = Kind::kAuto;
    std::string pattern_;
    bool is_complete_ = true;
};

/// "01/Jan/2026:00:00:00 +0000".
std::optional<UnixNanos> parse_clf_time(std::string_view text);

/// RFC 3339, also with a space for T, a comma before the fraction, no seconds, or no zone.
std::optional<UnixNanos> parse_iso_time(std::string_view text, const TimeZone& zone);

}  // namespace seyir::plugins::parse

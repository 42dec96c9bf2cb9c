// SPDX-License-Identifier: Apache-2.0
// TimeZone: what a time without a zone means: UTC, an offset, or a place of the zone database.
// Room: common/time.   Threads: immutable.
// Errors: kNotFound and kCorrupt, naming the file.   Limits: zone files of 64 KiB.
// Format: TZif (RFC 8536), 64-bit data and footer. libstdc++ 12 has no zones of its own, and the C
// library's are one for the whole process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/io/file_system.hpp"

namespace seyir {

/// "Z", "UTC", "+03:00", "-0330", "+3": seconds east of Greenwich.
std::optional<int32_t> parse_offset(std::string_view text);

/// "local", an offset, or a name as "Europe/Istanbul": all that load() may know.
bool is_zone_name(std::string_view name);

class TimeZone {
  public:
    TimeZone() = default;  ///< UTC

    static TimeZone fixed(int32_t offset_seconds);
    /// Reads /etc/localtime for "local", /usr/share/zoneinfo for names; nothing for offsets.
    static Result<TimeZone> load(std::string_view name, io::FileSystem& files);
    static Result<TimeZone> parse_tzif(std::string_view bytes);

    /// Seconds east of Greenwich at a time.
    int32_t offset_at(int64_t utc_seconds) const;

    /// A wall clock's time as UTC. Of an hour that happens twice the first counts; an hour that is
    /// skipped is read with the offset before it.
    int64_t to_utc(int64_t local_seconds) const;

  private:
    struct Change {
        int64_t at = 0;
        int32_t offset = 0;
    };

    /// "EST5EDT,M3.2.0,M11.1.0" of the footer: what counts after the last change.
    struct Rule {
        struct Date {
            int month = 0, week = 0, weekday = 0;
            int64_t seconds = 7200;
        };

        int32_t standard = 0;
        int32_t summer = 0;
        bool has_summer = false;
        Date begin, end;
    };

    static std::optional<Rule> parse_rule(std::string_view text);
    int32_t offset_by_rule(int64_t utc_seconds) const;

    int32_t first_offset_ = 0;
    std::vector<Change> changes_;
    std::optional<Rule> rule_;
};

}  // namespace seyir

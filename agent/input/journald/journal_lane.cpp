// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journal_lane.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <xxhash.h>

namespace seyir::agent::input {
namespace {

std::optional<uint64_t> hex(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<JournalCursor> parse_cursor(std::string_view text) {
    JournalCursor cursor;
    bool has_number = false;
    while (!text.empty()) {
        const size_t end = std::min(text.find(';'), text.size());
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (part.size() < 3 || part[1] != '=') {
            continue;
        }
        const std::string_view value = part.substr(2);
        if (part[0] == 's') {
            cursor.numbering = value;
        } else if (part[0] == 'i' || part[0] == 't') {
            const auto number = hex(value);
            if (!number) {
                return std::nullopt;
            }
            has_number = has_number || part[0] == 'i';
            (part[0] == 'i' ? cursor.number : cursor.realtime_us) = *number;
        }
    }
    const bool is_good = has_number && !cursor.numbering.empty() && cursor.number < UINT64_MAX;
    return is_good ? std::optional(cursor) : std::nullopt;
}

std::string cursor_of(std::string_view numbering, uint64_t number) {
    return fmt::format("s={};i={:x}", numbering, number);
}

uint64_t cursor_hash(std::string_view text) {
    return XXH3_64bits(text.data(), text.size());
}

SourceId journal_source(std::string_view input, std::string_view numbering) {
    const std::string text = fmt::format("journald {} {}", input, numbering);
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return {hash.high64, hash.low64};
}

}  // namespace seyir::agent::input

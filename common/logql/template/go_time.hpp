// SPDX-License-Identifier: Apache-2.0
// Times as Go writes and reads them: a layout is the reference time "Mon Jan 2 15:04:05 MST 2006".
// Threads: pure functions.   Errors: parse_moment: nothing.   Spec: package time of Go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/logql/template/value.hpp"

namespace seyir::logql::tmpl {

void format_moment(std::string& out, const Moment& moment, std::string_view layout);

/// A text without a zone is UTC, with `is_local` set: the caller may move it to its own zone.
struct ParsedMoment {
    Moment moment;
    bool is_local = false;
};

std::optional<ParsedMoment> parse_moment(std::string_view layout, std::string_view text);

/// Reads the moment's wall clock as one of `zone` ("Europe/Istanbul"); UTC where it is not known.
void move_to_zone(Moment& moment, std::string_view zone);

/// 0001-01-01 00:00:00 UTC: what Go has where a time could not be read.
Moment zero_moment();

/// -2^63 ns .. 2^63 - 1 ns, saturated.
int64_t unix_nanos(const Moment& moment);

Moment moment_of_nanos(int64_t unix_nanos);

}  // namespace seyir::logql::tmpl

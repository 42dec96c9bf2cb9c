// SPDX-License-Identifier: Apache-2.0
// Numbers out of text: exact, without locale, all of the text or nothing.
// Room: plugins/filter/parse.   Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/record/value.hpp"

namespace seyir::plugins::parse {

/// A sign and decimal digits, within int64.
std::optional<int64_t> parse_int(std::string_view text);

/// Decimal, with fraction and exponent; finite.
std::optional<double> parse_float(std::string_view text);

/// Reads a number of RFC 8259 at `at` and moves behind it: an integer, a double, or its text where
/// neither can hold it. False where there is none.
bool take_json_number(const char*& at, const char* end, Value& value);

/// The unsigned decimal of the whole text; digits only.
std::optional<uint64_t> parse_digits(std::string_view text);

}  // namespace seyir::plugins::parse

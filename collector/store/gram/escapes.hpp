// SPDX-License-Identifier: Apache-2.0
// Values inside lines: which characters of a JSON or logfmt value stand in the line as they are.
// Writers escape quotes, controls, characters beyond ASCII and what HTML gives a meaning; a needle
// takes those for unknown. A line that escapes anything else has an odd escape, and its block
// passes every question for a value.
// Threads: pure functions.   Format: docs/format/segment.md ("Filter").
#pragma once

#include <string_view>

#include "collector/store/gram/hash.hpp"

namespace seyir::store::gram {

/// Stands for "some line of the block has an odd escape".
inline constexpr Key kOddEscapeKey = 0x5eed0dd1;

constexpr bool is_written_plainly(char c) {
    const auto byte = static_cast<unsigned char>(c);
    // A space stands also for bytes that are no UTF-8.
    return byte > ' ' && byte < 0x7f &&
           std::string_view("\"\\<>&'+`").find(c) == std::string_view::npos;
}

/// `\u00XX` of a character that is written plainly, or of one that folds to a letter.
bool has_odd_escape(std::string_view line);

}  // namespace seyir::store::gram

// SPDX-License-Identifier: Apache-2.0
// Small text helpers every room needs: JSON quoting, edit distance for "did you mean".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace seyir {

/// Appends `text` as a JSON string (RFC 8259) with its quotes. Bytes that are not UTF-8 become
/// U+FFFD, one per maximal ill-formed part (Unicode 15, 3.9); the input is never changed elsewhere.
void append_json_quoted(std::string& out, std::string_view text);

std::string json_quote(std::string_view text);

/// True when `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// Damerau-Levenshtein distance (optimal string alignment), bytes.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if within 2 edits or a third of its length; else nothing.
std::optional<std::string_view> did_you_mean(
    std::string_view word, std::span<const std::string_view> candidates
);

}  // namespace seyir

// SPDX-License-Identifier: Apache-2.0
// UTF-8 character by character, and upper and lower case beyond ASCII for the scripts that have it:
// Latin, Greek, Cyrillic, Armenian, full-width forms.
// Threads: pure functions.   A byte that is no UTF-8 counts as one character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace seyir::logql::tmpl {

/// Bytes of the character at the front, at least 1. `text` is not empty.
size_t rune_size(std::string_view text);

size_t count_runes(std::string_view text);

/// Byte offset of the `n`-th character, the text's size when it has fewer.
size_t rune_offset(std::string_view text, size_t n);

void append_lower(std::string& out, std::string_view text);
void append_upper(std::string& out, std::string_view text);
/// Each word's first letter in upper case, the rest as it is.
void append_title(std::string& out, std::string_view text);

}  // namespace seyir::logql::tmpl

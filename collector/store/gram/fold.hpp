// SPDX-License-Identifier: Apache-2.0
// How the filters see text: letters without case, and runs of the bytes that words, numbers,
// identifiers and addresses are made of. Everything between runs is left out.
// Threads: pure functions.   Limits: none.   Format: docs/format/segment.md ("Filter"): a change of
// anything here needs a new filter kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace seyir::store::gram {

/// Folded text is followed by this many bytes that may be read (not part of the text).
inline constexpr size_t kSlackBytes = 64;

/// Of folded text: a-z 0-9 _ . and every byte of characters beyond ASCII. Not `-`: it would make
/// one run of a UUID, with twice the keys and nothing gained.
constexpr bool is_run_byte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '.';
}

/// Writes `text` with A-Z as a-z, K (U+212A) as k, ſ (U+017F) as s, İ and ı (U+0130, U+0131) as i;
/// other bytes stay. Never longer than `text`. Gives back the size. `to` has room for text.size() +
/// kSlackBytes and does not overlap it.
size_t fold(std::string_view text, char* to);

/// The part of a needle whose fold does not depend on what stands around it: without leading
/// continuation bytes and without a character cut off at its end, which might be halves of one of
/// the four above.
struct WholeCharacters {
    std::string_view text;
    bool is_cut_left = false;
    bool is_cut_right = false;
};

WholeCharacters whole_characters(std::string_view needle);

/// Bit i: text[i] is a run byte; 64 bytes of folded text.
uint64_t run_mask(const char* text);

}  // namespace seyir::store::gram

// SPDX-License-Identifier: Apache-2.0
// Tokens: which stretches of a text are slots, by one of several ways of reading it.
// Threads: pure functions.   Limits: kSlotsMax slots (what follows is one more), kTextBytesMax.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seyir::store::columns {

/// How a text is cut. Kept per stream; not on disk.
enum class Mode : uint8_t {
    kWhole = 0,   ///< one slot
    kJson = 1,    ///< values of an object
    kPairs = 2,   ///< logfmt: what follows each `key=`
    kFields = 3,  ///< what blanks separate; "quoted" and [bracketed] whole
    kWords = 4,   ///< times, and runs with a digit
};

/// What a slot holds and where it ends. On disk: never renumber.
enum class Rule : uint8_t {
    kRest = 0,        ///< up to the end of the text
    kRun = 1,         ///< a run with a digit
    kTime = 2,        ///< `param` bytes
    kUntil = 3,       ///< up to the byte `param`
    kQuoted = 4,      ///< up to a '"' without a backslash
    kJsonString = 5,  ///< between the quotes, escapes as they are
    kJsonScalar = 6,  ///< number, true, false, null
    kJsonArray = 7,   ///< with its brackets
    kSame = 8,        ///< the text of column `param` in the same row of the table around
};

inline constexpr size_t kSlotsMax = 250;
inline constexpr size_t kTextBytesMax = 64 * 1024;  ///< longer texts are not cut
/// Between the names of a path to a JSON field; no raw key can hold it.
inline constexpr char kPathSeparator = '\x1f';

struct Token {
    uint32_t begin = 0;
    uint32_t end = 0;
    Rule rule = Rule::kRest;
    uint32_t param = 0;
    std::string name;  ///< of the field; "" when the text around must do
};

/// False when the text cannot be read in this way; never for kWhole, kFields and kWords. `known`:
/// texts of other columns in the same row; those found in the text become kSame slots.
bool tokenize(
    Mode mode,
    std::string_view text,
    std::span<const std::pair<uint32_t, std::string_view>> known,
    std::vector<Token>& tokens
);

bool tokenize_json(std::string_view text, std::vector<Token>& tokens);

// Where a slot of JSON that begins at `at` ends; npos when it is not well-formed there.
size_t json_string_end(std::string_view text, size_t at);
size_t json_scalar_end(std::string_view text, size_t at);
size_t json_array_end(std::string_view text, size_t at);
/// Of a '"' not behind a backslash; npos when there is none.
size_t quoted_end(std::string_view text, size_t at);

}  // namespace seyir::store::columns

// SPDX-License-Identifier: Apache-2.0
// LogQL tokens with their place in the text. Names are never keywords here: `rate` is a function
// only where the parser expects one, so labels may carry any name.
// Errors: kInvalidArgument with position.   Limits: kQueryBytesMax.
// Spec: Grafana's LogQL reference; strings as Go's (interpreted "..." and raw `...`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/diagnostic.hpp"

namespace seyir::logql {

inline constexpr size_t kQueryBytesMax = 131'072;

enum class TokenKind : uint8_t {
    kEnd,
    kName,
    kString,  ///< Token::value is unquoted
    kNumber,  ///< number, duration or byte size as written: "5", "1h30m", "42MiB", "1e3"
    kFlag,    ///< "--strict"
    kLeftBrace,
    kRightBrace,
    kLeftParen,
    kRightParen,
    kLeftBracket,
    kRightBracket,
    kComma,
    kPipe,
    kEqual,         ///< =
    kEqualEqual,    ///< ==
    kNotEqual,      ///< !=
    kRegex,         ///< =~
    kNotRegex,      ///< !~
    kPipeContains,  ///< |=
    kPipeRegex,     ///< |~
    kPipePattern,   ///< |>
    kNotPattern,    ///< !>
    kGreater,
    kGreaterEqual,
    kLess,
    kLessEqual,
    kPlus,
    kMinus,
    kStar,
    kSlash,
    kPercent,
    kCaret,
    kAt,
};

struct Token {
    TokenKind kind = TokenKind::kEnd;
    Offset at = 0;
    Offset end = 0;
    std::string value;  ///< of names, strings, numbers and flags
};

/// The tokens of `text`, the last one kEnd. Comments run from # to the end of the line.
Result<std::vector<Token>> tokenize(std::string_view text);

/// "`)`", "the name `foo`", "the end of the query": for messages.
std::string describe(const Token& token, std::string_view text);

}  // namespace seyir::logql

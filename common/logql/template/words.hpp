// SPDX-License-Identifier: Apache-2.0
// The words of one action, from behind {{ to behind }}.
// Errors: kInvalidArgument in Go's words.   Spec: the lexer of Go's text/template/parse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/template/value.hpp"

namespace seyir::logql::tmpl {

struct Word {
    enum class Kind : uint8_t {
        kEnd,
        kDot,
        kVariable,
        kName,
        kLiteral,
        kLeft,
        kRight,
        kPipe,
        kComma,
        kDeclare,  ///< :=
        kAssign,
    };

    Kind kind = Kind::kEnd;
    std::string text;                 ///< name, variable without $, or the text of a literal
    Value literal;                    ///< a text's view is empty: the text is in `text`
    std::vector<std::string> fields;  ///< .a.b directly behind, also of `)`
};

inline bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// `at` is behind {{ and afterwards behind }}; `trims` tells whether the action ends in -}}.
Result<std::vector<Word>> split_words(std::string_view text, size_t& at, bool& trims);

}  // namespace seyir::logql::tmpl

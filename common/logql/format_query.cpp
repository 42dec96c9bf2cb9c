// SPDX-License-Identifier: Apache-2.0
#include "common/logql/format_query.hpp"

#include <vector>

#include "common/logql/lexer.hpp"
#include "common/logql/parser.hpp"

namespace seyir::logql {
namespace {

constexpr size_t kLineBytesMax = 100;
constexpr size_t kIndent = 2;

bool begins_stage(TokenKind kind) {
    return kind == TokenKind::kPipe || kind == TokenKind::kPipeContains ||
           kind == TokenKind::kPipeRegex || kind == TokenKind::kPipePattern;
}

class Printer {
  public:
    Printer(std::string_view text, const std::vector<Token>& tokens, bool breaks)
        : text_(text), tokens_(tokens), breaks_(breaks) {}

    std::string print() {
        for (size_t i = 0; tokens_[i].kind != TokenKind::kEnd; ++i) {
            const Token& token = tokens_[i];
            if (i > 0) {
                separate(tokens_[i - 1], token, i);
            }
            out_ += text_.substr(token.at, token.end - token.at);
            track(token.kind);
        }
        return std::move(out_);
    }

  private:
    void track(TokenKind kind) {
        if (kind == TokenKind::kLeftBrace) {
            in_braces_ = true;
        } else if (kind == TokenKind::kRightBrace) {
            in_braces_ = false;
        } else if (kind == TokenKind::kLeftParen) {
            ++depth_;
        } else if (kind == TokenKind::kRightParen && depth_ > 0) {
            --depth_;
        }
    }

    void separate(const Token& left, const Token& right, size_t i) {
        if (breaks_ && !in_braces_ && begins_stage(right.kind)) {
            out_ += '\n';
            out_.append(kIndent * (depth_ + 1), ' ');
            return;
        }
        if (has_space(left, right, i)) {
            out_ += ' ';
        }
    }

    bool has_space(const Token& left, const Token& right, size_t i) const {
        switch (right.kind) {
            case TokenKind::kComma:
            case TokenKind::kRightParen:
            case TokenKind::kRightBracket:
            case TokenKind::kRightBrace:
                return false;
            default:
                break;
        }
        if (left.kind == TokenKind::kLeftParen || left.kind == TokenKind::kLeftBracket ||
            left.kind == TokenKind::kLeftBrace) {
            return false;
        }
        if (right.kind == TokenKind::kLeftParen) {
            return left.kind != TokenKind::kName || is_clause(left.value);
        }
        if (right.kind == TokenKind::kLeftBracket) {
            return left.kind != TokenKind::kRightBrace;
        }
        if (is_tight(left.kind) || is_tight(right.kind)) {
            return false;
        }
        return !(left.kind == TokenKind::kMinus && is_sign(i - 1));
    }

    /// `a="b"`: everywhere where it tests or names a label, which `!=` does in braces only.
    bool is_tight(TokenKind kind) const {
        return kind == TokenKind::kEqual || kind == TokenKind::kRegex ||
               (in_braces_ && (kind == TokenKind::kNotEqual || kind == TokenKind::kNotRegex));
    }

    /// `sum by (a) (..)`, but `sum(..)` and `ip(..)`.
    static bool is_clause(std::string_view name) {
        return name == "by" || name == "without" || name == "on" || name == "ignoring" ||
               name == "group_left" || name == "group_right" || name == "and" || name == "or" ||
               name == "unless" || name == "bool";
    }

    /// The minus at `i` belongs to the number behind it.
    bool is_sign(size_t i) const {
        if (i == 0) {
            return true;
        }
        const Token& before = tokens_[i - 1];
        return before.kind == TokenKind::kLeftParen || before.kind == TokenKind::kComma ||
               before.kind >= TokenKind::kGreater || before.kind == TokenKind::kEqualEqual ||
               before.kind == TokenKind::kNotEqual ||
               (before.kind == TokenKind::kName && before.value == "offset");
    }

    std::string_view text_;
    const std::vector<Token>& tokens_;
    bool breaks_;
    bool in_braces_ = false;
    size_t depth_ = 0;
    std::string out_;
};

}  // namespace

Result<std::string> format_query(std::string_view text) {
    if (const auto parsed = parse(text); !parsed) {
        return parsed.error();
    }
    SEYIR_TRY(const auto tokens, tokenize(text));
    std::string line = Printer(text, tokens, false).print();
    return line.size() <= kLineBytesMax ? std::move(line) : Printer(text, tokens, true).print();
}

}  // namespace seyir::logql

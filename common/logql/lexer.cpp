// SPDX-License-Identifier: Apache-2.0
#include "common/logql/lexer.hpp"

#include <array>
#include <optional>

#include <fmt/format.h>

namespace seyir::logql {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void append_utf8(std::string& out, uint32_t rune) {
    if (rune < 0x80) {
        out += static_cast<char>(rune);
    } else if (rune < 0x800) {
        out += static_cast<char>(0xc0 | (rune >> 6));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        out += static_cast<char>(0xe0 | (rune >> 12));
        out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (rune >> 18));
        out += static_cast<char>(0x80 | ((rune >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    }
}

struct Symbol {
    std::string_view text;
    TokenKind kind;
};

// Longest first: the first that fits is taken.
constexpr std::array kSymbols{
    Symbol{"==", TokenKind::kEqualEqual},   Symbol{"=~", TokenKind::kRegex},
    Symbol{"!=", TokenKind::kNotEqual},     Symbol{"!~", TokenKind::kNotRegex},
    Symbol{"!>", TokenKind::kNotPattern},   Symbol{"|=", TokenKind::kPipeContains},
    Symbol{"|~", TokenKind::kPipeRegex},    Symbol{"|>", TokenKind::kPipePattern},
    Symbol{">=", TokenKind::kGreaterEqual}, Symbol{"<=", TokenKind::kLessEqual},
    Symbol{"{", TokenKind::kLeftBrace},     Symbol{"}", TokenKind::kRightBrace},
    Symbol{"(", TokenKind::kLeftParen},     Symbol{")", TokenKind::kRightParen},
    Symbol{"[", TokenKind::kLeftBracket},   Symbol{"]", TokenKind::kRightBracket},
    Symbol{",", TokenKind::kComma},         Symbol{"|", TokenKind::kPipe},
    Symbol{"=", TokenKind::kEqual},         Symbol{">", TokenKind::kGreater},
    Symbol{"<", TokenKind::kLess},          Symbol{"+", TokenKind::kPlus},
    Symbol{"-", TokenKind::kMinus},         Symbol{"*", TokenKind::kStar},
    Symbol{"/", TokenKind::kSlash},         Symbol{"%", TokenKind::kPercent},
    Symbol{"^", TokenKind::kCaret},         Symbol{"@", TokenKind::kAt},
};

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<std::vector<Token>> run() {
        std::vector<Token> tokens;
        while (true) {
            skip_space();
            SEYIR_TRY(Token token, next());
            token.end = static_cast<Offset>(at_);
            tokens.push_back(std::move(token));
            if (tokens.back().kind == TokenKind::kEnd) {
                return tokens;
            }
        }
    }

  private:
    char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    Offset here() const { return static_cast<Offset>(at_); }

    void skip_space() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#') {
                const size_t newline = text_.find('\n', at_);
                at_ = newline == std::string_view::npos ? text_.size() : newline;
            } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
                ++at_;
            } else {
                return;
            }
        }
    }

    Result<Token> next() {
        Token token{.at = here()};
        if (at_ == text_.size()) {
            return token;
        }
        const char c = peek();
        if (is_letter(c)) {
            token.kind = TokenKind::kName;
            token.value = take_while([](char x) { return is_letter(x) || is_digit(x); });
            return token;
        }
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
            token.kind = TokenKind::kNumber;
            token.value = take_number();
            return token;
        }
        if (c == '-' && peek(1) == '-' && is_letter(peek(2))) {
            at_ += 2;
            token.kind = TokenKind::kFlag;
            token.value = "--" + take_while([](char x) { return is_letter(x) || x == '-'; });
            return token;
        }
        if (c == '"') {
            return interpreted_string(std::move(token));
        }
        if (c == '`') {
            return raw_string(std::move(token));
        }
        for (const Symbol& symbol : kSymbols) {
            if (text_.substr(at_).starts_with(symbol.text)) {
                at_ += symbol.text.size();
                token.kind = symbol.kind;
                return token;
            }
        }
        return unknown_character();
    }

    Error unknown_character() const {
        const auto byte = static_cast<unsigned char>(peek());
        if (byte == '\'') {
            return parse_error(
                text_, here(), "unexpected `'`", "strings are written \"...\" or `...`"
            );
        }
        return byte >= 0x20 && byte < 0x7f
                   ? parse_error(text_, here(), fmt::format("unexpected `{}`", peek()))
                   : parse_error(text_, here(), fmt::format("unexpected byte 0x{:02x}", byte));
    }

    template <class Predicate>
    std::string take_while(Predicate wanted) {
        const size_t begin = at_;
        while (at_ < text_.size() && wanted(text_[at_])) {
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    /// Digits, units and exponents in one run; what it means is the parser's business.
    std::string take_number() {
        const size_t begin = at_;
        while (at_ < text_.size()) {
            const char c = peek();
            const char before = at_ > begin ? text_[at_ - 1] : '\0';
            const bool hex =
                text_.substr(begin).starts_with("0x") || text_.substr(begin).starts_with("0X");
            const bool exponent_sign = (c == '+' || c == '-') &&
                                       (before | 0x20) == (hex ? 'p' : 'e') && at_ >= begin + 2 &&
                                       is_digit(text_[at_ - 2]) && is_digit(peek(1));
            const bool micro =
                text_.substr(at_).starts_with("\u00b5") || text_.substr(at_).starts_with("\u03bc");
            if (micro) {
                at_ += 2;
            } else if (is_digit(c) || is_letter(c) || c == '.' || exponent_sign) {
                ++at_;
            } else {
                break;
            }
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    Result<Token> raw_string(Token token) {
        const size_t end = text_.find('`', at_ + 1);
        if (end == std::string_view::npos) {
            return parse_error(
                text_, token.at, "literal not terminated: string without its closing backtick"
            );
        }
        token.kind = TokenKind::kString;
        token.value = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return token;
    }

    Result<Token> interpreted_string(Token token) {
        token.kind = TokenKind::kString;
        ++at_;
        while (true) {
            if (at_ == text_.size() || peek() == '\n') {
                return parse_error(
                    text_,
                    token.at,
                    "literal not terminated: string without its closing quote",
                    "\" ends a string, \\n is a newline"
                );
            }
            const char c = text_[at_++];
            if (c == '"') {
                return token;
            }
            if (c != '\\') {
                token.value += c;
                continue;
            }
            SEYIR_CHECK(escape(token.value));
        }
    }

    /// After a backslash, as Go's strconv.Unquote.
    Result<void> escape(std::string& out) {
        const Offset begin = here() - 1;
        const char c = peek();
        ++at_;
        constexpr std::string_view kNames = "abfnrtv\\\"";
        constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"";
        if (const size_t i = kNames.find(c); c != '\0' && i != std::string_view::npos) {
            out += kValues[i];
            return {};
        }
        if (c >= '0' && c <= '7') {
            --at_;
            return octal(out, begin);
        }
        const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        if (digits == 0) {
            return parse_error(
                text_, begin, "unknown escape in string", "write \\\\ for a backslash, or use `...`"
            );
        }
        uint32_t value = 0;
        for (int i = 0; i < digits; ++i) {
            const int digit = hex_digit(peek());
            if (digit < 0) {
                return parse_error(
                    text_, begin, fmt::format("\\{} needs {} hex digits", c, digits)
                );
            }
            value = value * 16 + static_cast<uint32_t>(digit);
            ++at_;
        }
        if (c == 'x') {
            out += static_cast<char>(value);
            return {};
        }
        if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
            return parse_error(text_, begin, "escape is not a Unicode character");
        }
        append_utf8(out, value);
        return {};
    }

    Result<void> octal(std::string& out, Offset begin) {
        int value = 0;
        for (int i = 0; i < 3; ++i) {
            const char c = peek();
            if (c < '0' || c > '7') {
                return parse_error(text_, begin, "octal escapes have three digits");
            }
            value = value * 8 + (c - '0');
            ++at_;
        }
        if (value > 255) {
            return parse_error(text_, begin, "octal escape above \\377");
        }
        out += static_cast<char>(value);
        return {};
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) {
    if (text.size() > kQueryBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("query of {} bytes; {} are allowed", text.size(), kQueryBytesMax)
        );
    }
    return Lexer(text).run();
}

std::string describe(const Token& token, std::string_view text) {
    if (token.kind == TokenKind::kEnd) {
        return "the end of the query";
    }
    constexpr size_t kShownMax = 40;
    std::string shown(text.substr(token.at, token.end - token.at));
    if (shown.size() > kShownMax) {
        shown = shown.substr(0, kShownMax) + "...";
    }
    return fmt::format("`{}`", shown);
}

}  // namespace seyir::logql

// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/words.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "common/logql/lexer.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::logql::tmpl {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// 42, -7, 0x1f, 1_000: Go's integer literals.
std::optional<int64_t> integer(std::string_view text) {
    std::string digits(text);
    std::erase(digits, '_');
    std::string_view rest = digits;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) {
        rest.remove_prefix(1);
    }
    int base = 10;
    if (rest.size() > 1 && rest[0] == '0') {
        const char letter = static_cast<char>(rest[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        rest.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
    if (error != std::errc() || end != rest.data() + rest.size() || rest.starts_with('-')) {
        return std::nullopt;
    }
    return negative ? -value : value;
}

class Splitter {
  public:
    Splitter(std::string_view text, size_t at) : text_(text), at_(at) {}

    Result<std::vector<Word>> run(bool& trims) {
        std::vector<Word> words;
        trims = false;
        while (true) {
            const size_t before = at_;
            while (at_ < text_.size() && is_space(text_[at_])) {
                ++at_;
            }
            const std::string_view rest = text_.substr(at_);
            if (rest.starts_with("}}")) {
                at_ += 2;
                break;
            }
            if (rest.starts_with("-}}") && at_ > before) {
                at_ += 3;
                trims = true;
                break;
            }
            if (rest.empty()) {
                return error("unclosed action");
            }
            SEYIR_TRY(Word word, next());
            parens_ += word.kind == Word::Kind::kLeft ? 1 : 0;
            parens_ -= word.kind == Word::Kind::kRight ? 1 : 0;
            if (parens_ < 0) {
                return error("unexpected right paren");
            }
            words.push_back(std::move(word));
        }
        if (parens_ > 0) {
            return error("unclosed left paren");
        }
        return words;
    }

    size_t at() const { return at_; }

  private:
    Error error(std::string_view what) const {
        const auto line = std::ranges::count(text_.substr(0, at_), '\n') + 1;
        return fail(ErrorCode::kInvalidArgument, fmt::format("template: line:{}: {}", line, what));
    }

    char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    std::string name() {
        const size_t begin = at_;
        while (is_name_character(peek()) && at_ < text_.size()) {
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    void fields(Word& word) {
        while (peek() == '.' && is_name_character(peek(1)) && !is_digit(peek(1))) {
            ++at_;
            word.fields.push_back(name());
        }
    }

    Result<Word> next() {
        const char c = peek();
        Word word;
        switch (c) {
            case '(':
                ++at_;
                word.kind = Word::Kind::kLeft;
                return word;
            case ')':
                ++at_;
                word.kind = Word::Kind::kRight;
                fields(word);
                return word;
            case '|':
                ++at_;
                word.kind = Word::Kind::kPipe;
                return word;
            case ',':
                ++at_;
                word.kind = Word::Kind::kComma;
                return word;
            case '=':
                ++at_;
                word.kind = Word::Kind::kAssign;
                return word;
            case ':':
                if (peek(1) != '=') {
                    return error("expected :=");
                }
                at_ += 2;
                word.kind = Word::Kind::kDeclare;
                return word;
            case '$':
                ++at_;
                word.kind = Word::Kind::kVariable;
                word.text = name();
                fields(word);
                return word;
            case '"':
            case '`':
                return text_literal();
            case '\'':
                return character();
            default:
                break;
        }
        if (c == '.' && !is_digit(peek(1))) {
            word.kind = Word::Kind::kDot;
            fields(word);
            at_ += word.fields.empty() ? 1 : 0;
            return word;
        }
        if (is_digit(c) ||
            ((c == '+' || c == '-' || c == '.') && (is_digit(peek(1)) || peek(1) == '.'))) {
            return number();
        }
        if (is_name_character(c)) {
            return identifier();
        }
        return error(fmt::format("unexpected {:?} in command", std::string_view(&c, 1)));
    }

    Result<Word> identifier() {
        Word word{.kind = Word::Kind::kName, .text = name()};
        if (word.text == "true" || word.text == "false") {
            word.kind = Word::Kind::kLiteral;
            word.literal = word.text == "true";
        } else if (word.text == "nil") {
            word.kind = Word::Kind::kLiteral;
        }
        fields(word);
        return word;
    }

    Result<Word> number() {
        const size_t begin = at_++;
        while (is_name_character(peek()) || peek() == '.' ||
               ((peek() == '+' || peek() == '-') && (text_[at_ - 1] | 0x20) == 'e')) {
            ++at_;
        }
        const std::string_view digits = text_.substr(begin, at_ - begin);
        Word word{.kind = Word::Kind::kLiteral, .text = std::string(digits)};
        if (const auto whole = integer(digits)) {
            word.literal = *whole;
        } else if (const auto value = parse_number(digits)) {
            word.literal = *value;
        } else {
            return error(fmt::format("bad number syntax: {:?}", digits));
        }
        return word;
    }

    Result<Word> text_literal() {
        const char quote = peek();
        size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != quote) {
            end += text_[end] == '\\' && quote == '"' ? 2 : 1;
        }
        if (end >= text_.size()) {
            return error(
                quote == '"' ? "unterminated quoted string" : "unterminated raw quoted string"
            );
        }
        // The same strings as LogQL's.
        const auto tokens = tokenize(text_.substr(at_, end + 1 - at_));
        if (!tokens || (*tokens)[0].kind != TokenKind::kString) {
            return error("invalid syntax in a quoted string");
        }
        at_ = end + 1;
        Word word{.kind = Word::Kind::kLiteral, .text = (*tokens)[0].value};
        word.literal = std::string_view();
        return word;
    }

    /// 'a': a number, as in Go.
    Result<Word> character() {
        size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != '\'') {
            end += text_[end] == '\\' ? 2 : 1;
        }
        if (end >= text_.size()) {
            return error("unterminated character constant");
        }
        std::string inner(text_.substr(at_ + 1, end - at_ - 1));
        const bool quote = inner == "\\'";
        const auto tokens = tokenize(quote ? "\"'\"" : "\"" + inner + "\"");
        if (!tokens || (*tokens)[0].value.empty()) {
            return error("malformed character constant");
        }
        at_ = end + 1;
        const std::string& bytes = (*tokens)[0].value;
        auto rune = static_cast<int64_t>(static_cast<unsigned char>(bytes[0]));
        if (rune >= 0xc0) {
            rune &= rune >= 0xf0 ? 0x07 : rune >= 0xe0 ? 0x0f : 0x1f;
            for (size_t i = 1; i < bytes.size(); ++i) {
                rune = (rune << 6) | (bytes[i] & 0x3f);
            }
        }
        Word word{.kind = Word::Kind::kLiteral, .text = std::move(inner)};
        word.literal = rune;
        return word;
    }

    std::string_view text_;
    size_t at_;
    int parens_ = 0;
};

}  // namespace

Result<std::vector<Word>> split_words(std::string_view text, size_t& at, bool& trims) {
    Splitter splitter(text, at);
    auto words = splitter.run(trims);
    at = splitter.at();
    return words;
}

}  // namespace seyir::logql::tmpl

// SPDX-License-Identifier: Apache-2.0
// JSON as RFC 8259 has it, and nothing looser: a slot must be what a parser would give.
#include <cstring>

#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/token.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr int kObjectDepthMax = 16;  // deeper objects are one slot, as arrays are
constexpr int kDepthMax = 64;
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighs = 0x8080808080808080;

/// Some byte of the eight is '"', '\\', a control or not ASCII.
bool has_special(uint64_t v) {
    const uint64_t quote = v ^ (kOnes * '"');
    const uint64_t backslash = v ^ (kOnes * '\\');
    const uint64_t found =
        ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | (v - kOnes * 0x20) | v;
    return (found & kHighs) != 0;
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Bytes of the UTF-8 character at `at`; 0 when it is none.
size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) {
        return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : uint8_t{0};
    };
    const auto is_next = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const uint8_t lead = byte(0);
    if (lead >= 0xc2 && lead <= 0xdf && is_next(1)) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef && is_next(1) && is_next(2)) {
        const bool is_overlong = lead == 0xe0 && byte(1) < 0xa0;
        const bool is_surrogate = lead == 0xed && byte(1) >= 0xa0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4 && is_next(1) && is_next(2) && is_next(3)) {
        const bool is_overlong = lead == 0xf0 && byte(1) < 0x90;
        const bool is_beyond = lead == 0xf4 && byte(1) >= 0x90;
        return is_overlong || is_beyond ? 0 : 4;
    }
    return 0;
}

size_t escape_length(std::string_view text, size_t at) {
    const char c = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == 'u') {
        for (size_t i = 2; i < 6; ++i) {
            if (at + i >= text.size() || !is_hex(text[at + i])) {
                return 0;
            }
        }
        return 6;
    }
    return c != '\0' && std::string_view("\"\\/bfnrt").contains(c) ? 2 : 0;
}

size_t skip_blanks(std::string_view text, size_t at) {
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
        ++at;
    }
    return at;
}

size_t digits_end(std::string_view text, size_t at) {
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    return at;
}

/// Any value, checked; one past its end or kNone.
size_t value_end(std::string_view text, size_t at, int depth) {
    if (at >= text.size() || depth > kDepthMax) {
        return kNone;
    }
    if (text[at] == '"') {
        const size_t end = json_string_end(text, at + 1);
        return end == kNone ? kNone : end + 1;
    }
    if (text[at] != '{' && text[at] != '[') {
        return json_scalar_end(text, at);
    }
    const bool is_object = text[at] == '{';
    const char close = is_object ? '}' : ']';
    at = skip_blanks(text, at + 1);
    if (at < text.size() && text[at] == close) {
        return at + 1;
    }
    while (at < text.size()) {
        if (is_object) {
            const size_t end = text[at] == '"' ? json_string_end(text, at + 1) : kNone;
            at = end == kNone ? kNone : skip_blanks(text, end + 1);
            if (at == kNone || at >= text.size() || text[at] != ':') {
                return kNone;
            }
            at = skip_blanks(text, at + 1);
        }
        at = value_end(text, at, depth + 1);
        at = at == kNone ? kNone : skip_blanks(text, at);
        if (at == kNone || at >= text.size()) {
            return kNone;
        }
        if (text[at] == close) {
            return at + 1;
        }
        if (text[at] != ',') {
            return kNone;
        }
        at = skip_blanks(text, at + 1);
    }
    return kNone;
}

class JsonTokens {
  public:
    JsonTokens(std::string_view text, std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

    bool run() {
        size_t at = skip_blanks(text_, 0);
        if (at >= text_.size() || text_[at] != '{') {
            return false;
        }
        at = object(at, 1);
        return at != kNone && skip_blanks(text_, at) == text_.size();
    }

  private:
    size_t object(size_t at, int depth) {
        at = skip_blanks(text_, at + 1);
        if (at < text_.size() && text_[at] == '}') {
            return at + 1;
        }
        while (at < text_.size() && text_[at] == '"') {
            const size_t end = json_string_end(text_, at + 1);
            if (end == kNone) {
                return kNone;
            }
            const size_t before = path_.size();
            if (!path_.empty()) {
                path_ += kPathSeparator;
            }
            path_ += text_.substr(at + 1, end - at - 1);
            at = skip_blanks(text_, end + 1);
            if (at >= text_.size() || text_[at] != ':') {
                return kNone;
            }
            at = value(skip_blanks(text_, at + 1), depth);
            path_.resize(before);
            at = at == kNone ? kNone : skip_blanks(text_, at);
            if (at == kNone || at >= text_.size()) {
                return kNone;
            }
            if (text_[at] == '}') {
                return at + 1;
            }
            if (text_[at] != ',') {
                return kNone;
            }
            at = skip_blanks(text_, at + 1);
        }
        return kNone;
    }

    size_t value(size_t at, int depth) {
        if (at >= text_.size() || tokens_.size() >= kSlotsMax) {
            return kNone;
        }
        const char c = text_[at];
        if (c == '{' && depth < kObjectDepthMax) {
            return object(at, depth + 1);
        }
        if (c == '"') {
            const size_t end = json_string_end(text_, at + 1);
            return end == kNone ? kNone : add(at + 1, end, Rule::kJsonString) + 1;
        }
        const bool is_nested = c == '{' || c == '[';
        const size_t end = value_end(text_, at, 1);
        return end == kNone ? kNone
                            : add(at, end, is_nested ? Rule::kJsonArray : Rule::kJsonScalar);
    }

    size_t add(size_t begin, size_t end, Rule rule) {
        tokens_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), rule, 0, path_}
        );
        return end;
    }

    std::string_view text_;
    std::vector<Token>& tokens_;
    std::string path_;
};

}  // namespace

size_t json_string_end(std::string_view text, size_t at) {
    while (true) {
        uint64_t eight = 0;
        while (at + sizeof(eight) <= text.size()) {
            std::memcpy(&eight, text.data() + at, sizeof(eight));
            if (has_special(eight)) {
                break;
            }
            at += sizeof(eight);
        }
        while (at < text.size() && text[at] != '"' && text[at] != '\\' &&
               static_cast<uint8_t>(text[at]) >= 0x20 && static_cast<uint8_t>(text[at]) < 0x80) {
            ++at;
        }
        if (at >= text.size() || static_cast<uint8_t>(text[at]) < 0x20) {
            return kNone;
        }
        if (text[at] == '"') {
            return at;
        }
        const size_t length = text[at] == '\\' ? escape_length(text, at) : utf8_length(text, at);
        if (length == 0) {
            return kNone;
        }
        at += length;
    }
}

size_t json_scalar_end(std::string_view text, size_t at) {
    for (const std::string_view word : {"true", "false", "null"}) {
        if (text.substr(at).starts_with(word)) {
            return at + word.size();
        }
    }
    at += at < text.size() && text[at] == '-' ? 1 : 0;
    size_t end = digits_end(text, at);
    if (end == at || (text[at] == '0' && end > at + 1)) {
        return kNone;
    }
    if (end < text.size() && text[end] == '.') {
        const size_t point = end;
        end = digits_end(text, point + 1);
        if (end == point + 1) {
            return kNone;
        }
    }
    if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
        size_t digits = end + 1;
        digits += digits < text.size() && (text[digits] == '+' || text[digits] == '-') ? 1 : 0;
        end = digits_end(text, digits);
        if (end == digits) {
            return kNone;
        }
    }
    return end;
}

size_t json_array_end(std::string_view text, size_t at) {
    const bool is_nested = at < text.size() && (text[at] == '[' || text[at] == '{');
    return is_nested ? value_end(text, at, 1) : kNone;
}

bool tokenize_json(std::string_view text, std::vector<Token>& tokens) {
    tokens.clear();
    return JsonTokens(text, tokens).run();
}

}  // namespace seyir::store::columns

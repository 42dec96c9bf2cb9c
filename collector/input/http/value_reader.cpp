// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/value_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/json/reader.hpp"

namespace seyir::collector::input {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Length of a number (RFC 8259, 6) at the beginning of `text`; 0 = there is none.
size_t number_length(std::string_view text) {
    size_t at = text.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
        const size_t begin = at;
        while (at < text.size() && is_digit(text[at])) {
            ++at;
        }
        return at - begin;
    };
    const size_t first = at;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && text[first] == '0')) {
        return 0;
    }
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (digits() == 0) {
            return 0;
        }
    }
    if (at < text.size() && (text[at] | 0x20) == 'e') {
        ++at;
        at += at < text.size() && (text[at] == '+' || text[at] == '-') ? 1 : 0;
        if (digits() == 0) {
            return 0;
        }
    }
    return at;
}

Value number_value(std::string_view text, Arena& arena) {
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    const auto as_int = std::from_chars(text.data(), end, whole);
    if (as_int.ec == std::errc() && as_int.ptr == end && text != "-0") {
        return Value::integer(whole);
    }
    double real = 0;
    const auto as_real = std::from_chars(text.data(), end, real);
    const auto digits = static_cast<size_t>(std::ranges::count_if(text, is_digit));
    // Up to 15 significant digits survive a double; an integer that does not fit does not.
    const bool is_whole = text.find_first_of(".eE") == std::string_view::npos;
    if (as_real.ec == std::errc() && std::isfinite(real) && !is_whole && digits <= 15) {
        return Value::real(real);
    }
    return Value::number_text(arena.copy(text));
}

void append_utf8(std::string& out, uint32_t rune) {
    const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    const auto rest = [&](uint32_t shift) { put(0x80U | ((rune >> shift) & 0x3fU)); };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xc0U | (rune >> 6U));
        rest(0);
    } else if (rune < 0x10000) {
        put(0xe0U | (rune >> 12U));
        rest(6);
        rest(0);
    } else {
        put(0xf0U | (rune >> 18U));
        rest(12);
        rest(6);
        rest(0);
    }
}

}  // namespace

Error ValueReader::bad(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("not JSON: {} (byte {})", what, at_));
}

void ValueReader::skip_space() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
}

bool ValueReader::take(char c) {
    const bool is_there = at_ < text_.size() && text_[at_] == c;
    at_ += is_there ? 1 : 0;
    return is_there;
}

bool ValueReader::take(std::string_view word) {
    const bool is_there = text_.substr(at_).starts_with(word);
    at_ += is_there ? word.size() : 0;
    return is_there;
}

Result<void> ValueReader::read(bool splits, const OnRecord& on_record) {
    skip_space();
    if (splits && take('[')) {
        SEYIR_CHECK(elements(on_record));
    } else {
        SEYIR_CHECK(one(on_record, 1));
    }
    skip_space();
    return at_ == text_.size() ? Result<void>{} : bad("something follows the value");
}

Result<void> ValueReader::one(const OnRecord& on_record, size_t depth) {
    const size_t begin = at_;
    SEYIR_TRY(const Value made, value(depth));
    on_record(made, text_.substr(begin, at_ - begin));
    return {};
}

Result<void> ValueReader::elements(const OnRecord& on_record) {
    skip_space();
    if (take(']')) {
        return {};
    }
    while (true) {
        skip_space();
        SEYIR_CHECK(one(on_record, 2));
        skip_space();
        if (take(']')) {
            return {};
        }
        if (!take(',')) {
            return bad("a comma or ] is missing after an element");
        }
    }
}

Result<Value> ValueReader::value(size_t depth) {
    if (depth > json::kDepthMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("JSON with nesting deeper than {} levels is not read", json::kDepthMax)
        );
    }
    if (take('{')) {
        return object(depth);
    }
    if (take('[')) {
        return array(depth);
    }
    if (take('"')) {
        SEYIR_TRY(const Slice text, string());
        return Value::string(text);
    }
    if (take("true")) {
        return Value::boolean(true);
    }
    if (take("false")) {
        return Value::boolean(false);
    }
    return take("null") ? Result<Value>(Value::null()) : number();
}

Result<Value> ValueReader::object(size_t depth) {
    std::vector<ValueMember> members;
    skip_space();
    if (!take('}')) {
        do {
            skip_space();
            if (!take('"')) {
                return bad("a member's name is missing");
            }
            SEYIR_TRY(const Slice name, string());
            skip_space();
            if (!take(':')) {
                return bad("a colon is missing after a member's name");
            }
            skip_space();
            SEYIR_TRY(const Value made, value(depth + 1));
            members.push_back({name, made});
            skip_space();
        } while (take(','));
        if (!take('}')) {
            return bad("a comma or } is missing after a member");
        }
    }
    auto* to = arena_.allocate_array<ValueMember>(members.size());
    std::ranges::copy(members, to);
    return Value::map({to, members.size()});
}

Result<Value> ValueReader::array(size_t depth) {
    std::vector<Value> items;
    skip_space();
    if (!take(']')) {
        do {
            skip_space();
            SEYIR_TRY(const Value made, value(depth + 1));
            items.push_back(made);
            skip_space();
        } while (take(','));
        if (!take(']')) {
            return bad("a comma or ] is missing after an element");
        }
    }
    auto* to = arena_.allocate_array<Value>(items.size());
    std::ranges::copy(items, to);
    return Value::array({to, items.size()});
}

/// Behind the opening quote.
Result<Slice> ValueReader::string() {
    std::string unescaped;
    bool has_escapes = false;
    while (true) {
        const size_t begin = at_;
        while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
               static_cast<unsigned char>(text_[at_]) >= 0x20) {
            ++at_;
        }
        const std::string_view plain = text_.substr(begin, at_ - begin);
        if (take('"')) {
            if (!has_escapes) {
                return arena_.copy(plain);
            }
            unescaped += plain;
            return arena_.copy(unescaped);
        }
        if (!take('\\')) {
            return bad(
                at_ == text_.size() ? "a string does not end" : "a control character in a string"
            );
        }
        has_escapes = true;
        unescaped += plain;
        SEYIR_CHECK(escape(unescaped));
    }
}

/// Behind the backslash.
Result<void> ValueReader::escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t plain = at_ < text_.size() ? kLetters.find(text_[at_]) : std::string_view::npos;
    if (plain != std::string_view::npos) {
        out += kMeanings[plain];
        ++at_;
        return {};
    }
    if (!take('u')) {
        return bad("an unknown escape in a string");
    }
    SEYIR_TRY(uint32_t rune, hex4());
    if (rune >= 0xd800 && rune <= 0xdfff) {
        const size_t behind = at_;
        uint32_t low = 0;
        if (rune < 0xdc00 && take("\\u")) {
            SEYIR_TRY(low, hex4());
        }
        if (low >= 0xdc00 && low <= 0xdfff) {
            rune = 0x10000 + ((rune - 0xd800) << 10U) + (low - 0xdc00);
        } else {
            at_ = behind;
            rune = kReplacement;
            ++replaced_;
        }
    }
    append_utf8(out, rune);
    return {};
}

Result<uint32_t> ValueReader::hex4() {
    const std::string_view digits = text_.substr(at_, 4);
    uint32_t code = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || read.ptr != digits.data() + 4) {
        return bad("\\u without four hex digits");
    }
    at_ += 4;
    return code;
}

Result<Value> ValueReader::number() {
    const size_t length = number_length(text_.substr(at_));
    if (length == 0) {
        return bad("a value is missing");
    }
    const std::string_view text = text_.substr(at_, length);
    at_ += length;
    return number_value(text, arena_);
}

}  // namespace seyir::collector::input

// SPDX-License-Identifier: Apache-2.0
// A small JSON value for the test harness: it reads cases and shows results. Not for filters: they
// get typed values.
// Errors: std::runtime_error with the byte offset.   Limits: 64 levels.   Spec: RFC 8259.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seyir::test {

class Json {
  public:
    enum class Kind { kNull, kBool, kInt, kDouble, kString, kArray, kObject };
    using Member = std::pair<std::string, Json>;

    Json() = default;

    Json(bool b) : kind_(Kind::kBool), int_(b ? 1 : 0) {}

    Json(int i) : kind_(Kind::kInt), int_(i) {}

    Json(int64_t i) : kind_(Kind::kInt), int_(i) {}

    Json(double d) : kind_(Kind::kDouble), double_(d) {}

    Json(const char* s) : kind_(Kind::kString), string_(s) {}

    Json(std::string s) : kind_(Kind::kString), string_(std::move(s)) {}

    static Json array(std::vector<Json> items = {}) {
        Json made;
        made.kind_ = Kind::kArray;
        made.items_ = std::move(items);
        return made;
    }

    static Json object(std::vector<Member> members = {}) {
        Json made;
        made.kind_ = Kind::kObject;
        made.members_ = std::move(members);
        return made;
    }

    static Json parse(std::string_view text);

    Kind kind() const { return kind_; }

    bool is_null() const { return kind_ == Kind::kNull; }

    bool boolean() const { return int_ != 0; }

    int64_t integer() const {
        return kind_ == Kind::kDouble ? static_cast<int64_t>(double_) : int_;
    }

    double number() const { return kind_ == Kind::kInt ? static_cast<double>(int_) : double_; }

    const std::string& string() const { return string_; }

    const std::vector<Json>& items() const { return items_; }

    const std::vector<Member>& members() const { return members_; }

    bool has(std::string_view name) const { return find(name) != nullptr; }

    /// null for a member that is not there.
    const Json& operator[](std::string_view name) const {
        static const Json none;
        const Json* found = find(name);
        return found == nullptr ? none : *found;
    }

    void set(std::string name, Json value) {
        kind_ = Kind::kObject;
        for (Member& member : members_) {
            if (member.first == name) {
                member.second = std::move(value);
                return;
            }
        }
        members_.emplace_back(std::move(name), std::move(value));
    }

    void add(Json item) {
        kind_ = Kind::kArray;
        items_.push_back(std::move(item));
    }

    /// Members in any order; an integer equals a double of the same value.
    bool operator==(const Json& other) const;

    bool operator!=(const Json& other) const { return !(*this == other); }

    std::string to_text() const {
        std::string out;
        append(out);
        return out;
    }

  private:
    class Reader;

    const Json* find(std::string_view name) const {
        for (const Member& member : members_) {
            if (member.first == name) {
                return &member.second;
            }
        }
        return nullptr;
    }

    void append(std::string& out) const;
    static void append_string(std::string& out, const std::string& text);

    Kind kind_ = Kind::kNull;
    int64_t int_ = 0;
    double double_ = 0;
    std::string string_;
    std::vector<Json> items_;
    std::vector<Member> members_;
};

class Json::Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Json read() {
        Json value = read_value(0);
        skip_blanks();
        if (at_ != text_.size()) {
            fail("text after the value");
        }
        return value;
    }

  private:
    [[noreturn]] void fail(const char* what) const {
        throw std::runtime_error("JSON, byte " + std::to_string(at_) + ": " + what);
    }

    void skip_blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) {
            ++at_;
        }
    }

    bool take(char c) {
        skip_blanks();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    bool take_word(std::string_view word) {
        if (text_.substr(at_, word.size()) == word) {
            at_ += word.size();
            return true;
        }
        return false;
    }

    Json read_value(int depth) {
        skip_blanks();
        if (depth > 64 || at_ >= text_.size()) {
            fail("a value is missing, or too deep");
        }
        switch (text_[at_]) {
            case '{':
                return read_object(depth);
            case '[':
                return read_array(depth);
            case '"':
                return Json(read_string());
            case 't':
                return take_word("true") ? Json(true) : unknown();
            case 'f':
                return take_word("false") ? Json(false) : unknown();
            case 'n':
                return take_word("null") ? Json() : unknown();
            default:
                return read_number();
        }
    }

    Json unknown() const { fail("not a value"); }

    Json read_object(int depth) {
        ++at_;
        Json made = Json::object();
        if (take('}')) {
            return made;
        }
        do {
            skip_blanks();
            std::string name = read_string();
            if (!take(':')) {
                fail("a colon is missing");
            }
            made.members_.emplace_back(std::move(name), read_value(depth + 1));
        } while (take(','));
        if (!take('}')) {
            fail("a brace is missing");
        }
        return made;
    }

    Json read_array(int depth) {
        ++at_;
        Json made = Json::array();
        if (take(']')) {
            return made;
        }
        do {
            made.items_.push_back(read_value(depth + 1));
        } while (take(','));
        if (!take(']')) {
            fail("a bracket is missing");
        }
        return made;
    }

    Json read_number() {
        const size_t begin = at_;
        while (at_ < text_.size() &&
               std::string_view("+-.eE0123456789").find(text_[at_]) != text_.npos) {
            ++at_;
        }
        const std::string digits(text_.substr(begin, at_ - begin));
        if (digits.empty()) {
            fail("not a value");
        }
        char* end = nullptr;
        if (digits.find_first_of(".eE") == std::string::npos) {
            const long long whole = std::strtoll(digits.c_str(), &end, 10);
            return Json(static_cast<int64_t>(whole));
        }
        return Json(std::strtod(digits.c_str(), &end));
    }

    uint32_t read_hex() {
        uint32_t code = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = at_ < text_.size() ? text_[at_++] : '\0';
            const size_t digit = std::string_view("0123456789abcdef")
                                     .find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
            if (digit == std::string_view::npos) {
                fail("not four hex digits");
            }
            code = code * 16 + static_cast<uint32_t>(digit);
        }
        return code;
    }

    static void append_utf8(std::string& out, uint32_t code) {
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | (code >> 6));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            out += static_cast<char>(0xe0 | (code >> 12));
            out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else {
            out += static_cast<char>(0xf0 | (code >> 18));
            out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
            out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        }
    }

    void read_escape(std::string& out) {
        const char c = at_ < text_.size() ? text_[at_++] : '\0';
        const std::string_view letters = "\"\\/bfnrt";
        const std::string_view meant = "\"\\/\b\f\n\r\t";
        const size_t known = letters.find(c);
        if (known != std::string_view::npos) {
            out += meant[known];
            return;
        }
        if (c != 'u') {
            fail("not an escape");
        }
        uint32_t code = read_hex();
        if (code >= 0xd800 && code < 0xdc00 && take_word("\\u")) {
            code = 0x10000 + ((code - 0xd800) << 10) + (read_hex() - 0xdc00);
        }
        append_utf8(out, code);
    }

    std::string read_string() {
        if (at_ >= text_.size() || text_[at_] != '"') {
            fail("a string is missing");
        }
        ++at_;
        std::string out;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\\') {
                ++at_;
                read_escape(out);
            } else {
                out += text_[at_++];
            }
        }
        if (at_ >= text_.size()) {
            fail("a quote is missing");
        }
        ++at_;
        return out;
    }

    std::string_view text_;
    size_t at_ = 0;
};

inline Json Json::parse(std::string_view text) {
    return Reader(text).read();
}

inline bool Json::operator==(const Json& other) const {
    const bool is_number = kind_ == Kind::kInt || kind_ == Kind::kDouble;
    const bool is_other_number = other.kind_ == Kind::kInt || other.kind_ == Kind::kDouble;
    if (is_number && is_other_number) {
        return kind_ == other.kind_ && kind_ == Kind::kInt ? int_ == other.int_
                                                           : number() == other.number();
    }
    if (kind_ != other.kind_ || items_ != other.items_ ||
        members_.size() != other.members_.size()) {
        return false;
    }
    for (const Member& member : members_) {
        if (!other.has(member.first) || other[member.first] != member.second) {
            return false;
        }
    }
    return int_ == other.int_ && string_ == other.string_;
}

inline void Json::append_string(std::string& out, const std::string& text) {
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", byte);
            out += escape;
        } else {
            out += c;
        }
    }
    out += '"';
}

inline void Json::append(std::string& out) const {
    switch (kind_) {
        case Kind::kNull:
            out += "null";
            break;
        case Kind::kBool:
            out += int_ != 0 ? "true" : "false";
            break;
        case Kind::kInt:
            out += std::to_string(int_);
            break;
        case Kind::kDouble: {
            char digits[32];
            std::snprintf(digits, sizeof digits, "%.17g", double_);
            out += std::isfinite(double_) ? digits : "null";
            break;
        }
        case Kind::kString:
            append_string(out, string_);
            break;
        case Kind::kArray: {
            const char* before = "[";
            for (const Json& item : items_) {
                out += before;
                item.append(out);
                before = ",";
            }
            out += items_.empty() ? "[]" : "]";
            break;
        }
        case Kind::kObject: {
            const char* before = "{";
            for (const Member& member : members_) {
                out += before;
                append_string(out, member.first);
                out += ':';
                member.second.append(out);
                before = ",";
            }
            out += members_.empty() ? "{}" : "}";
            break;
        }
    }
}

}  // namespace seyir::test

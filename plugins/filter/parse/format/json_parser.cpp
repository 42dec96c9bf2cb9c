// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/json_parser.hpp"

#include <algorithm>
#include <cstring>

#include "plugins/filter/parse/format/escapes.hpp"
#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {

bool JsonParser::fail(std::string_view message, std::string_view code) {
    miss_ = {code, message, static_cast<size_t>(at_ - begin_)};
    return false;
}

void JsonParser::skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) {
        ++at_;
    }
}

std::optional<Miss> JsonParser::parse(Slice text, FieldWriter& out) {
    begin_ = at_ = text.data();
    end_ = begin_ + text.size();
    skip_space();
    if (at_ < end_ && *at_ == '{') {
        return parse_object(text, out);
    }
    path_.clear();
    items_.clear();
    members_.clear();
    values_ = 0;
    Value value;
    const bool ok = take_value(out.arena(), value, 1);
    auto miss = finish(ok);
    if (!miss) {
        out.add("value", value);
    }
    return miss;
}

std::optional<Miss> JsonParser::parse_object(Slice text, FieldWriter& out) {
    begin_ = at_ = text.data();
    end_ = begin_ + text.size();
    path_.clear();
    items_.clear();
    members_.clear();
    values_ = 0;
    skip_space();
    if (at_ == end_ || *at_ != '{') {
        return finish(fail("an object is expected"));
    }
    return finish(take_members(out, 1));
}

std::optional<Miss> JsonParser::finish(bool ok) {
    if (ok) {
        skip_space();
        ok = at_ == end_ || fail("text behind the JSON value");
    }
    return ok ? std::nullopt : std::optional(miss_);
}

/// `at_` is on the brace.
bool JsonParser::take_members(FieldWriter& out, int depth) {
    if (depth > kJsonDepthMax) {
        return fail("nested deeper than 64 levels", "too_deep");
    }
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
        ++at_;
        return true;
    }
    while (true) {
        if (!take_member(out, depth)) {
            return false;
        }
        skip_space();
        if (at_ == end_) {
            return fail("the object is cut off");
        }
        if (*at_ == '}') {
            ++at_;
            return true;
        }
        if (*at_ != ',') {
            return fail("`,` or `}` is expected");
        }
        ++at_;
        skip_space();
    }
}

bool JsonParser::take_name(Arena& arena, Slice& name) {
    if (at_ == end_ || *at_ != '"') {
        return fail("a name in quotes is expected");
    }
    if (!take_string(arena, name)) {
        return false;
    }
    skip_space();
    if (at_ == end_ || *at_ != ':') {
        return fail("`:` is expected");
    }
    ++at_;
    skip_space();
    return true;
}

bool JsonParser::take_member(FieldWriter& out, int depth) {
    Slice name;
    if (!take_name(out.arena(), name)) {
        return false;
    }
    const bool opens = at_ < end_ && *at_ == '{' && nested_ == Nested::kFlatten;
    if (!opens && path_.empty()) {
        if (at_ < end_ && *at_ == '"') {  // most values: not by way of a Value
            Slice text;
            const bool ok = take_string(out.arena(), text);
            if (ok) {
                out.add_text(name, text);
            }
            return ok;
        }
        Value value;
        if (!take_value(out.arena(), value, depth + 1)) {
            return false;
        }
        out.add(name, value);
        return true;
    }
    const size_t outer = path_.size();
    if (outer != 0 && !name.empty()) {
        path_ += '_';
    }
    path_ += name;
    bool ok;
    if (opens) {
        ok = take_members(out, depth + 1);
    } else {
        Value value;
        ok = take_value(out.arena(), value, depth + 1);
        if (ok) {
            out.add(path_, value);
        }
    }
    path_.resize(outer);
    return ok;
}

bool JsonParser::take_value(Arena& arena, Value& value, int depth) {
    if (at_ == end_) {
        return fail("a value is missing");
    }
    switch (*at_) {
        case '"': {
            Slice text;
            if (!take_string(arena, text)) {
                return false;
            }
            value = Value::string(text);
            return true;
        }
        case '{':
            return take_map(arena, value, depth);
        case '[':
            return take_array(arena, value, depth);
        case 't':
            value = Value::boolean(true);
            return take_word("true");
        case 'f':
            value = Value::boolean(false);
            return take_word("false");
        case 'n':
            value = Value::null();
            return take_word("null");
        default:
            return take_json_number(at_, end_, value) || fail("this is no JSON value");
    }
}

bool JsonParser::take_word(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() ||
        std::memcmp(at_, word.data(), word.size()) != 0) {
        return fail("this is no JSON value");
    }
    at_ += word.size();
    return true;
}

/// `at_` is on the opening quote; afterwards behind the closing one.
bool JsonParser::take_string(Arena& arena, Slice& text) {
    const char* const begin = ++at_;
    at_ = find_special(begin, end_);
    if (at_ == end_) {
        return fail("the string is cut off");
    }
    if (*at_ == '"') {
        text = {begin, static_cast<size_t>(at_ - begin)};
        ++at_;
        return true;
    }
    return *at_ == '\\' ? decode_rest(arena, begin, text)
                        : fail("a control character in a string must be escaped");
}

/// `at_` is on the first backslash.
bool JsonParser::decode_rest(Arena& arena, const char* begin, Slice& text) {
    // Where it ends, so that no more than the string is allocated: escapes only shrink.
    const char* close = at_;
    while (close < end_ && *close != '"') {
        close = find_special(close + (*close == '\\' ? 2 : 1), end_);
        if (close > end_) {
            close = end_;
        }
    }
    if (close >= end_) {
        return fail("the string is cut off");
    }
    char* const copy = arena.allocate(static_cast<size_t>(close - begin));
    char* to = std::copy(begin, at_, copy);
    while (at_ < close) {
        if (*at_ == '\\') {
            if (!take_json_escape(at_, close, to)) {
                return fail("this escape is not one of JSON");
            }
            continue;
        }
        if (static_cast<unsigned char>(*at_) < 0x20) {
            return fail("a control character in a string must be escaped");
        }
        const char* const next = find_special(at_, close);
        to = std::copy(at_, next, to);
        at_ = next;
    }
    at_ = close + 1;
    text = {copy, static_cast<size_t>(to - copy)};
    return true;
}

bool JsonParser::count_value() {
    return ++values_ <= kJsonValuesMax ||
           fail("more than 65536 values inside arrays and maps", "too_many_values");
}

bool JsonParser::take_array(Arena& arena, Value& value, int depth) {
    if (depth > kJsonDepthMax) {
        return fail("nested deeper than 64 levels", "too_deep");
    }
    const size_t first = items_.size();
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == ']') {
        ++at_;
        value = Value::array({});
        return true;
    }
    while (true) {
        Value item;
        if (!count_value() || !take_value(arena, item, depth + 1)) {
            return false;
        }
        items_.push_back(item);
        skip_space();
        if (at_ == end_) {
            return fail("the array is cut off");
        }
        if (*at_ == ']') {
            break;
        }
        if (*at_ != ',') {
            return fail("`,` or `]` is expected");
        }
        ++at_;
        skip_space();
    }
    ++at_;
    const size_t count = items_.size() - first;
    auto* const copy = arena.allocate_array<Value>(count);
    std::uninitialized_copy_n(items_.begin() + static_cast<ptrdiff_t>(first), count, copy);
    items_.resize(first);
    value = Value::array({copy, count});
    return true;
}

bool JsonParser::take_map(Arena& arena, Value& value, int depth) {
    if (depth > kJsonDepthMax) {
        return fail("nested deeper than 64 levels", "too_deep");
    }
    const size_t first = members_.size();
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
        ++at_;
        value = Value::map({});
        return true;
    }
    while (true) {
        ValueMember member;
        if (!count_value() || !take_name(arena, member.name) ||
            !take_value(arena, member.value, depth + 1)) {
            return false;
        }
        members_.push_back(member);
        skip_space();
        if (at_ == end_) {
            return fail("the object is cut off");
        }
        if (*at_ == '}') {
            break;
        }
        if (*at_ != ',') {
            return fail("`,` or `}` is expected");
        }
        ++at_;
        skip_space();
    }
    ++at_;
    const size_t count = members_.size() - first;
    auto* const copy = arena.allocate_array<ValueMember>(count);
    std::uninitialized_copy_n(members_.begin() + static_cast<ptrdiff_t>(first), count, copy);
    members_.resize(first);
    value = Value::map({copy, count});
    return true;
}

}  // namespace seyir::plugins::parse

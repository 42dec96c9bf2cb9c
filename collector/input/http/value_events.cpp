// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/value_events.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace seyir::collector::input {

Value number_value(std::string_view text, Arena& arena) {
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    const auto as_int = std::from_chars(text.data(), end, whole);
    if (as_int.ec == std::errc() && as_int.ptr == end && text != "-0") {
        return Value::integer(whole);
    }
    double real = 0;
    const auto as_real = std::from_chars(text.data(), end, real);
    const size_t digits =
        static_cast<size_t>(std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; })
        );
    // Up to 15 significant digits survive a double; an integer that does not fit does not.
    const bool is_whole = text.find_first_of(".eE") == std::string_view::npos;
    if (as_real.ec == std::errc() && std::isfinite(real) && !is_whole && digits <= 15) {
        return Value::real(real);
    }
    return Value::number_text(arena.copy(text));
}

bool ValueEvents::add(Value value) {
    if (levels_.empty()) {
        root_ = value;
    } else if (levels_.back().is_object) {
        levels_.back().members.push_back({levels_.back().key, value});
    } else {
        levels_.back().items.push_back(value);
    }
    return true;
}

bool ValueEvents::begin_object() {
    levels_.push_back({.is_object = true, .members = {}, .items = {}, .key = {}});
    return true;
}

bool ValueEvents::key(std::string_view name) {
    levels_.back().key = arena_.copy(name);
    return true;
}

bool ValueEvents::end_object() {
    const std::vector<ValueMember> members = std::move(levels_.back().members);
    levels_.pop_back();
    auto* to = arena_.allocate_array<ValueMember>(members.size());
    std::ranges::copy(members, to);
    return add(Value::map({to, members.size()}));
}

bool ValueEvents::begin_array() {
    levels_.push_back({});
    return true;
}

bool ValueEvents::end_array() {
    const std::vector<Value> items = std::move(levels_.back().items);
    levels_.pop_back();
    auto* to = arena_.allocate_array<Value>(items.size());
    std::ranges::copy(items, to);
    return add(Value::array({to, items.size()}));
}

bool ValueEvents::string(std::string_view text) {
    return add(Value::string(arena_.copy(text)));
}

bool ValueEvents::number(std::string_view text) {
    return add(number_value(text, arena_));
}

bool ValueEvents::boolean(bool value) {
    return add(Value::boolean(value));
}

bool ValueEvents::null() {
    return add(Value::null());
}

}  // namespace seyir::collector::input

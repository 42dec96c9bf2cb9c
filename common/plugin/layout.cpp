// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/layout.hpp"

#include <array>
#include <cstring>

namespace seyir::plugin {
namespace {

template <class To, class From>
To same_bytes(const From& from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

bool text_matches() {
    const Slice slice("abc", 3);
    const auto text = same_bytes<seyir_text>(slice);
    return text.size == 3 && text.data == slice.data();
}

bool values_match() {
    const auto integer = same_bytes<seyir_value>(Value::integer(-7));
    const auto real = same_bytes<seyir_value>(Value::real(2.5));
    const auto truth = same_bytes<seyir_value>(Value::boolean(true));
    const Slice slice("abcd", 4);
    const auto text = same_bytes<seyir_value>(Value::string(slice));
    const std::array items{Value::integer(1), Value::null()};
    const auto array = same_bytes<seyir_value>(Value::array(items));
    const std::array members{ValueMember{slice, Value::integer(3)}};
    const auto map = same_bytes<seyir_value>(Value::map(members));
    return integer.kind == SEYIR_INT && integer.as.integer == -7 && real.kind == SEYIR_DOUBLE &&
           real.as.real == 2.5 && truth.kind == SEYIR_BOOL && truth.as.integer == 1 &&
           text.kind == SEYIR_STRING && text.as.text == slice.data() && text.size == 4 &&
           array.kind == SEYIR_ARRAY && array.size == 2 && array.as.items[0].as.integer == 1 &&
           map.kind == SEYIR_MAP && map.size == 1 && map.as.members[0].name.size == 4 &&
           map.as.members[0].value.as.integer == 3;
}

bool attr_matches() {
    const auto attr = same_bytes<seyir_attr>(Attr(5, Value::integer(9), true));
    return attr.key == 5 && attr.is_parsed == 1 && attr.value.as.integer == 9;
}

}  // namespace

bool layouts_match() {
    return text_matches() && values_match() && attr_matches();
}

}  // namespace seyir::plugin

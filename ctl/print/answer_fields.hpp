// SPDX-License-Identifier: Apache-2.0
// Members of a program's answer, for people: an absent one, or one of another type, is empty.
// Threads: pure.   Texts lose their control characters: an answer may hold what others logged.
#pragma once

#include <string>
#include <string_view>

#include "common/json/reader.hpp"
#include "ctl/print/terminal.hpp"

namespace seyir::ctl {

inline std::string text_of(const json::View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? clean_text(field->string().value_or("")) : "";
}

inline uint64_t count_of(const json::View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? field->uint64().value_or(0) : 0;
}

inline bool flag_of(const json::View& object, std::string_view name) {
    const auto field = object.get(name);
    return field && field->boolean().value_or(false);
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
// Members of a collector's answers: what is missing is empty.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/json/reader.hpp"

namespace seyir::ctl {

inline std::string text_of(const json::View& object, std::string_view key) {
    const auto value = object.get(key);
    return value ? std::string(value->string().value_or("")) : std::string();
}

inline uint64_t number_of(const json::View& object, std::string_view key) {
    const auto value = object.get(key);
    return value ? value->uint64().value_or(0) : 0;
}

inline bool flag_of(const json::View& object, std::string_view key) {
    const auto value = object.get(key);
    return value && value->boolean().value_or(false);
}

}  // namespace seyir::ctl

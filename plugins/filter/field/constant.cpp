// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/constant.hpp"

#include <charconv>
#include <cmath>

#include "common/config/schema/scalar.hpp"

namespace seyir::plugins {

Constant constant_of(const config::Node& node) {
    if (!node.is_plain) {
        return node.text;
    }
    if (const auto truth = config::parse_bool(node.text)) {
        return *truth;
    }
    if (const auto number = config::parse_int(node.text)) {
        return *number;
    }
    const char* end = node.text.data() + node.text.size();
    double real = 0;
    const auto [at, error] = std::from_chars(node.text.data(), end, real);
    if (error == std::errc{} && at == end && !node.text.empty() && std::isfinite(real)) {
        return real;
    }
    return node.text;
}

Value value_of(const Constant& constant) {
    if (const auto* truth = std::get_if<bool>(&constant)) {
        return Value::boolean(*truth);
    }
    if (const auto* number = std::get_if<int64_t>(&constant)) {
        return Value::integer(*number);
    }
    if (const auto* real = std::get_if<double>(&constant)) {
        return Value::real(*real);
    }
    return Value::string(std::get<std::string>(constant));
}

}  // namespace seyir::plugins

// SPDX-License-Identifier: Apache-2.0
// Constant: a scalar of a configuration file as YAML types it: plain `true`, `12` and `1.5` are
// what they look like, quotes make a string. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/config/document.hpp"
#include "common/record/batch.hpp"

namespace seyir::plugins {

using Constant = std::variant<bool, int64_t, double, std::string>;

/// Requires: the node is a scalar.
Constant constant_of(const config::Node& node);

/// Strings point into the constant.
Value value_of(const Constant& constant);

}  // namespace seyir::plugins

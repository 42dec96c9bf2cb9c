// SPDX-License-Identifier: Apache-2.0
// What is wrong inside a value (an expression, a pattern, a template) as a diagnostic that points
// at the very place inside it.
// Threads: pure functions.
// Secrets: where the value holds a ${reference}, the error's own words are left out, for they quote
// what the reference stands for.
#pragma once

#include <string_view>

#include "common/config/schema/object_reader.hpp"

namespace seyir::config {

/// `what` begins the message: "`match` of route `all`". An error that says where (error_place.hpp)
/// gets its caret there, through quotes and escapes; else the whole value is marked and further
/// lines of the message become notes.
Diagnostic value_error(
    const ObjectReader& r,
    std::string_view key,
    std::string_view code,
    std::string_view what,
    const Error& error
);

/// The same for item `index` of a list.
Diagnostic item_error(
    const ObjectReader& r,
    std::string_view key,
    size_t index,
    std::string_view code,
    std::string_view what,
    const Error& error
);

}  // namespace seyir::config

// SPDX-License-Identifier: Apache-2.0
// The one spelling of a value, so that its pseudonym is the same however it was written:
// "0532 123 45 67" and "+905321234567", "Bob\u0040Example.com" and "bob@example.com".
// Threads: pure function.
#pragma once

#include <string>
#include <string_view>

#include "plugins/filter/redact/scanner.hpp"

namespace seyir::plugins::redact {

/// Replaces `out`.
void make_canonical(std::string_view found, Rule rule, std::string& out);

}  // namespace seyir::plugins::redact

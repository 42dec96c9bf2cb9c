// SPDX-License-Identifier: Apache-2.0
// The event notation of the YAML test suite (`+MAP`, `=VAL :text`, ...) and our documents in one
// canonical text, so that the two can be compared.
#pragma once

#include <string>
#include <string_view>

#include "common/config/document.hpp"

namespace seyir::test {

/// "{k:v,...}", "[a,b]", scalars JSON-quoted; keys in order.
std::string canonical(const config::Node* node);

/// The first document of the events, aliases replaced by what they stand for; "" if there is none.
std::string canonical_events(std::string_view events);

}  // namespace seyir::test

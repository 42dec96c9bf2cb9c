// SPDX-License-Identifier: Apache-2.0
// The product's version, from the file VERSION.
#pragma once

#include <string_view>

namespace seyir {

extern const std::string_view kVersion;

}  // namespace seyir

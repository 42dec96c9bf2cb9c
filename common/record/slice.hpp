// SPDX-License-Identifier: Apache-2.0
// Slice: bytes owned by somebody else, in a record always by the batch's Arena. Not always UTF-8.
#pragma once

#include <string_view>

namespace seyir {
using Slice = std::string_view;
}

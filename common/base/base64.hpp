// SPDX-License-Identifier: Apache-2.0
// Base64 with padding (RFC 4648, section 4): how bytes that are not UTF-8 travel in JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace seyir {

void append_base64(std::string& out, std::string_view bytes);

/// Nothing when `text` is not base64 of that exact form (length, alphabet, padding).
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace seyir

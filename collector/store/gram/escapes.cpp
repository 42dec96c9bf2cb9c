// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/escapes.hpp"

#include <charconv>
#include <cstring>

namespace seyir::store::gram {
namespace {

constexpr size_t kDigits = 4;
constexpr uint32_t kKelvin = 0x212a;
constexpr uint32_t kLongS = 0x017f;

/// `at` is behind `\u`.
bool is_odd(std::string_view digits) {
    uint32_t code = 0;
    const char* const end = digits.data() + kDigits;
    const auto [rest, error] = std::from_chars(digits.data(), end, code, 16);
    if (error != std::errc() || rest != end) {
        return false;
    }
    return code == kKelvin || code == kLongS ||
           (code < 0x80 && is_written_plainly(static_cast<char>(code)));
}

}  // namespace

bool has_odd_escape(std::string_view line) {
    const char* at = line.data();
    const char* const end = at + line.size();
    while (end - at > static_cast<ptrdiff_t>(kDigits + 1)) {
        at = static_cast<const char*>(std::memchr(at, '\\', static_cast<size_t>(end - at)));
        if (at == nullptr || end - at < static_cast<ptrdiff_t>(kDigits + 2)) {
            return false;
        }
        if (at[1] == 'u' && is_odd({at + 2, kDigits})) {
            return true;
        }
        ++at;  // `\\\\u0041` is no escape, but asking twice costs less than counting
    }
    return false;
}

}  // namespace seyir::store::gram

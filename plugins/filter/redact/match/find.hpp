// SPDX-License-Identifier: Apache-2.0
// The exact tests behind the built-in rules. Each looks at one candidate the scanner came across
// and says where the secret begins and ends; docs/guide/redaction.md states what each one finds.
// Threads: pure functions.   Cost: linear in what is found, at most 128 bytes for numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace seyir::plugins::redact {

struct Range {
    size_t begin = 0;
    size_t end = 0;

    bool operator==(const Range&) const = default;
};

// --- numbers; `run` is a maximal run of digits that begins a word ---

/// 15 or 16 digits in one run, or 4-4-4-4 and 4-6-5 with one kind of separator; an issuer's prefix
/// and Luhn's check digit (ISO/IEC 7812-1).
std::optional<Range> find_card(std::string_view text, Range run);
bool is_card(std::string_view digits);

/// Turkish identity number: 11 digits in one run, both check digits.
std::optional<Range> find_tckn(std::string_view text, Range run);
bool is_tckn(std::string_view digits);

/// Digits of a whole number written with an exponent.
inline constexpr size_t kFloatDigitsMax = 16;
inline constexpr size_t kFractionDigitsMin = 6;  ///< "5.4e15" is a measurement

struct Expanded {
    std::array<char, kFloatDigitsMax> digits{};
    size_t count = 0;
    size_t end = 0;  ///< of the number in the text

    std::string_view text() const { return {digits.data(), count}; }
};

/// "4.111111111111111e+15" with `run` at its first digit -> 4111111111111111.
std::optional<Expanded> expand_float(std::string_view text, Range run);

/// `run` begins two characters into the candidate: "TR" | "33...". Country's length and mod 97
/// (ISO 13616); in one piece, or in groups of four.
std::optional<Range> find_iban(std::string_view text, Range run);
/// `iban` without separators.
bool is_iban(std::string_view iban);

/// `run` follows a plus sign that begins at `plus` (also written \u002b, %2B): E.164, 9 to 15
/// digits.
std::optional<Range> find_international_phone(std::string_view text, size_t plus, Range run);
/// Turkish numbers without a plus sign. `bare`: also ten digits in one run.
std::optional<Range> find_turkish_phone(std::string_view text, Range run, bool bare);

// --- words ---

/// `at` is where the sign @ (or \u0040, \x40, %40) begins, `after` where it ends. `from`: nothing
/// before may be taken.
std::optional<Range> find_email(std::string_view text, size_t at, size_t after, size_t from);

/// Remembers one stretch of base64url, so that a text full of beginnings costs linear time.
class JwtFinder {
  public:
    /// `at` is the `e` of "eyJ".
    std::optional<Range> find(std::string_view text, size_t at);

  private:
    size_t run_end_ = 0;
    size_t last_alg_ = 0;  ///< the last `"alg"` in the stretch; npos = none
};

// --- addresses; loopback and unspecified addresses are nobody's and never found ---

std::optional<Range> find_ipv4(std::string_view text, Range run);
/// `colon` is the first colon of the candidate.
std::optional<Range> find_ipv6(std::string_view text, size_t colon, size_t from);
/// The network of what find_ipv4() or find_ipv6() found: 192.0.2.77 -> 192.0.2.0,
/// 2001:db8:85a3:8d3::1 -> 2001:db8:85a3::
std::string truncate_ip(std::string_view address);

}  // namespace seyir::plugins::redact

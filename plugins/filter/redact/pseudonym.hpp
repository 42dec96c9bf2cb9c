// SPDX-License-Identifier: Apache-2.0
// Pseudonym: HMAC-SHA-256 of a value under a secret key, as letters. The same value has the same
// pseudonym as long as the key stays; without the key it can neither be read nor guessed, which a
// plain hash of eleven digits can.
// Threads: one owner (a filter instance); copies of the keyed state are cheap.
// Errors: kInternal when the library refuses: the record must not pass.
// Format: 4 bits a letter, a = 0 to p = 15, highest first. Letters only, so that a pseudonym is
// never taken for a number itself.   Spec: RFC 2104, FIPS 180-4.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::plugins::redact {

inline constexpr size_t kKeyBytesMin = 16;
inline constexpr size_t kPseudonymLettersMax = 64;

class Pseudonym {
  public:
    static Result<Pseudonym> create(std::string_view key, size_t letters);

    Pseudonym(Pseudonym&&) noexcept;
    Pseudonym& operator=(Pseudonym&&) noexcept;
    ~Pseudonym();

    /// Appends the pseudonym of `value`; `rule` keeps equal texts of two rules apart.
    Result<void> append(std::string& out, std::string_view rule, std::string_view value);

  private:
    struct State;

    explicit Pseudonym(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace seyir::plugins::redact

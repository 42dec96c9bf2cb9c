// SPDX-License-Identifier: Apache-2.0
// Scanner: finds what the built-in rules look for in one pass. Blocks of 64 bytes are sorted into
// "a run of digits begins here" and "a sign begins here" (@ J \ % :); only there the exact tests
// of match/find.hpp run. No regular expressions.
// Room: text -> matches, ascending and apart from each other.
// Threads: immutable after construction, thread-safe.
// Cost: linear in the text; about 2 cycles a byte where nothing is found.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "plugins/filter/redact/match/find.hpp"

namespace seyir::plugins::redact {

enum class Rule : uint8_t { kEmail, kPhone, kIban, kCard, kTckn, kJwt, kIp, kCustom };

inline constexpr size_t kBuiltInRules = 7;

/// As in the configuration: "email".
std::string_view to_string(Rule rule);

struct RuleSet {
    bool email = false;
    bool phone = false;
    bool bare_phone = false;  ///< ten digits in one run count too
    bool iban = false;
    bool card = false;
    bool tckn = false;
    bool jwt = false;
    bool ip = false;

    static RuleSet all() { return {true, true, false, true, true, true, true, true}; }

    bool wants_digits() const { return phone || iban || card || tckn || ip; }
};

struct Match {
    size_t begin = 0;
    size_t end = 0;
    Rule rule = Rule::kCustom;

    bool operator==(const Match&) const = default;
};

class Scanner {
  public:
    explicit Scanner(RuleSet rules);

    /// Replaces what `matches` holds; true when there is any.
    bool find(std::string_view text, std::vector<Match>& matches) const;

  private:
    struct State;

    void on_digits(State& state, Range run) const;
    bool on_float(State& state, Range run) const;
    void on_sign(State& state, size_t at) const;
    void on_email_sign(State& state, size_t at, size_t after) const;

    RuleSet rules_;
    char signs_[5];  ///< a sign no rule needs is one that another one needs
    bool wants_signs_ = false;
};

}  // namespace seyir::plugins::redact

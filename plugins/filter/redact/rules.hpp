// SPDX-License-Identifier: Apache-2.0
// What a configured redaction looks for and what it puts in place. Shared by all instances.
// Threads: immutable after reading.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "plugins/filter/redact/scanner.hpp"

namespace seyir::plugins::redact {

enum class Action : uint8_t {
    kMask,      ///< [email]
    kHash,      ///< [email:fkbmdjcnaloegpih], stable under the key
    kTruncate,  ///< what does not tell who: the network, the last four digits, the mail domain
    kRemove,
};

struct CustomRule {
    std::string name;
    std::unique_ptr<const re2::RE2> regex;
    Action action = Action::kMask;
    std::string replace;  ///< $1, ${name}; used by kMask
    std::vector<std::string> group_names;
};

struct RedactOptions {
    RuleSet rules;
    std::array<Action, kBuiltInRules> actions{};
    std::vector<CustomRule> custom;
    std::string key;
    uint32_t hash_letters = 16;
    bool body = true;
    std::vector<std::string> fields;  ///< only these attributes; empty = all
    std::vector<std::string> except;  ///< these not
};

using RedactOptionsPtr = std::shared_ptr<const RedactOptions>;

}  // namespace seyir::plugins::redact

// SPDX-License-Identifier: Apache-2.0
// Rules: which lines belong together. One line at a time and a small state; no bytes are kept, so
// the tail input (lines in files) and the `multiline` filter (rows) use the same rules.
//   uint16_t state = 0;
//   const Rules::Step step = rules.step(state, line);   // begins? closes?
// Most lines are decided by their first byte; a regex runs only where that byte allows a match.
// Threads: immutable, thread-safe.   Limits: 32 states, 64 rules; RE2 takes linear time.
// Errors: compile() names the rule and what is wrong with it.   Spec: docs/guide/multiline.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/base/units.hpp"

namespace re2 {
class RE2;
}

namespace seyir::multiline {

struct RuleSpec {
    std::vector<std::string> from;  ///< states; `start` is where no group is open
    std::string match;              ///< RE2
    std::string to;                 ///< state; one without rules of its own ends the group
};

/// One of: a preset; `start`, `cont`, `end` in any combination; rules.
struct Spec {
    std::string preset;
    std::string start;
    std::string cont;
    std::string end;
    std::vector<RuleSpec> rules;
};

/// How far a group may grow and how long it waits for more.
struct Bounds {
    size_t lines_max = 1'000;
    uint64_t bytes_max = kMiB;
    Nanos flush_timeout = std::chrono::seconds(2);
};

/// What may be written under `preset`.
struct Preset {
    std::string_view name;
    std::string_view help;
};

class Rules {
  public:
    /// What a line does: `begins` ends what was open before it; `closes` ends its group with it.
    struct Step {
        bool begins = false;
        bool closes = false;
    };

    static Result<std::shared_ptr<const Rules>> compile(const Spec& spec);
    static const std::vector<Preset>& presets();

    Rules(const Rules&) = delete;
    Rules& operator=(const Rules&) = delete;
    ~Rules();

    /// `state` is 0 where no group is open; a line without its line break (a `\r` before it may be
    /// there).
    Step step(uint16_t& state, std::string_view line) const;

    /// The lines of a group are one record as they are, line breaks included. Otherwise (cri,
    /// docker) they are parts, and records() puts them together.
    bool keeps_lines() const { return kind_ < Kind::kCri; }

    /// The records of a finished group: `group` without the last line break. Unfinished parts are
    /// records too. Only for rules that do not keep lines; the text is valid during the call.
    void records(
        std::string_view group,
        uint64_t bytes_max,
        const std::function<void(std::string_view record)>& emit
    ) const;

  private:
    enum class Kind : uint8_t { kStates, kStart, kContinue, kEnd, kCri, kDocker };

    struct Rule {
        uint32_t from = 0;  ///< bit of each state
        uint16_t to = 0;
        bool ends = false;
        std::string needle;  ///< must be in the line; checked before the regex
        std::unique_ptr<re2::RE2> regex;
    };

    Rules();

    Result<void> add(const RuleSpec& spec, std::string_view needle = {});
    Result<void> add_simple(const Spec& spec);
    Result<void> add_preset(std::string_view name);
    Result<void> finish();
    uint16_t state_named(std::string_view name);
    void learn_first_bytes(const Rule& rule);
    const Rule* find(uint16_t state, std::string_view line) const;
    Step step_states(uint16_t& state, std::string_view line) const;

    Kind kind_ = Kind::kStates;
    std::vector<std::string> states_;
    std::vector<Rule> rules_;
    /// By first byte, and for an empty line: bits of the states in which a rule may match.
    std::array<uint32_t, 256> first_{};
    uint32_t empty_ = 0;
};

using RulesPtr = std::shared_ptr<const Rules>;

struct Multiline {
    RulesPtr rules;  ///< nullptr: every line is a record
    Bounds bounds;
};

}  // namespace seyir::multiline

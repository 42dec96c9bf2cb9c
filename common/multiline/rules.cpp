// SPDX-License-Identifier: Apache-2.0
#include "common/multiline/rules.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "common/multiline/partial_lines.hpp"

namespace seyir::multiline {
namespace {

constexpr size_t kStatesMax = 32;
constexpr size_t kRulesMax = 64;
constexpr size_t kPatternBytesMax = 4'096;
constexpr int64_t kRegexMemoryMax = 4 << 20;
constexpr std::string_view kStart = "start";

std::unique_ptr<re2::RE2> make_regex(const std::string& pattern) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexMemoryMax);
    return std::make_unique<re2::RE2>(pattern, options);
}

std::string_view without_return(std::string_view line) {
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace

Rules::Rules() : states_{std::string(kStart)} {}

Rules::~Rules() = default;

Result<std::shared_ptr<const Rules>> Rules::compile(const Spec& spec) {
    std::shared_ptr<Rules> rules(new Rules());
    const bool is_simple = !spec.start.empty() || !spec.cont.empty() || !spec.end.empty();
    if ((spec.preset.empty() ? 0 : 1) + (is_simple ? 1 : 0) + (spec.rules.empty() ? 0 : 1) != 1) {
        return fail(
            ErrorCode::kInvalidArgument,
            "give one of: `preset`, patterns (`start`, `continue`, `end`), `rules`"
        );
    }
    if (!spec.preset.empty()) {
        SEYIR_CHECK(rules->add_preset(spec.preset));
    } else if (is_simple) {
        SEYIR_CHECK(rules->add_simple(spec));
    }
    for (const RuleSpec& rule : spec.rules) {
        SEYIR_CHECK(rules->add(rule));
    }
    SEYIR_CHECK(rules->finish());
    return std::shared_ptr<const Rules>(std::move(rules));
}

Result<void> Rules::add_simple(const Spec& spec) {
    if (!spec.start.empty() && spec.cont.empty() && spec.end.empty()) {
        kind_ = Kind::kStart;  // everything up to the next start
        return add({{"start"}, spec.start, "group"});
    }
    if (spec.start.empty() && spec.end.empty()) {
        kind_ = Kind::kContinue;  // of whatever line came before
        return add({{"start"}, spec.cont, "group"});
    }
    if (spec.start.empty() && spec.cont.empty()) {
        kind_ = Kind::kEnd;  // everything up to and with the next end
        return add({{"start"}, spec.end, "group"});
    }
    if (!spec.end.empty()) {
        SEYIR_CHECK(add({{"group"}, spec.end, "done"}));
    }
    if (!spec.start.empty()) {
        SEYIR_CHECK(add({{"start"}, spec.start, "group"}));
    } else {
        return fail(ErrorCode::kInvalidArgument, "`continue` with `end` needs `start` too");
    }
    return add({{"group"}, spec.cont.empty() ? std::string("") : spec.cont, "group"});
}

uint16_t Rules::state_named(std::string_view name) {
    const std::string_view wanted = name == "start_state" ? kStart : name;
    const auto at = std::ranges::find(states_, wanted);
    if (at == states_.end()) {
        states_.emplace_back(wanted);
        return static_cast<uint16_t>(states_.size() - 1);
    }
    return static_cast<uint16_t>(at - states_.begin());
}

Result<void> Rules::add(const RuleSpec& spec, std::string_view needle) {
    if (rules_.size() == kRulesMax || spec.match.size() > kPatternBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("at most {} rules of {} bytes each", kRulesMax, kPatternBytesMax)
        );
    }
    Rule rule;
    for (const std::string& from : spec.from) {
        rule.from |= 1U << (state_named(from) % kStatesMax);
    }
    rule.to = state_named(spec.to);
    if (states_.size() > kStatesMax) {
        return fail(ErrorCode::kTooLarge, fmt::format("at most {} states", kStatesMax));
    }
    if (rule.to == 0) {
        return fail(ErrorCode::kInvalidArgument, "a rule cannot lead to `start`");
    }
    rule.needle = needle;
    rule.regex = make_regex(spec.match);
    if (!rule.regex->ok()) {
        return fail(
            ErrorCode::kInvalidArgument, fmt::format("`{}`: {}", spec.match, rule.regex->error())
        );
    }
    learn_first_bytes(rule);
    rules_.push_back(std::move(rule));
    return {};
}

void Rules::learn_first_bytes(const Rule& rule) {
    if (re2::RE2::PartialMatch("", *rule.regex)) {
        empty_ |= rule.from;
    }
    // Known for patterns that begin with ^: every match lies between these two.
    std::string lowest;
    std::string highest;
    const bool is_known = rule.regex->pattern().starts_with('^') &&
                          rule.regex->PossibleMatchRange(&lowest, &highest, 4) && !lowest.empty() &&
                          !highest.empty();
    const unsigned from = is_known ? static_cast<unsigned char>(lowest[0]) : 0;
    const unsigned to = is_known ? static_cast<unsigned char>(highest[0]) : 255;
    for (unsigned byte = from; byte <= to; ++byte) {
        first_[byte] |= rule.from;
    }
}

Result<void> Rules::finish() {
    if (kind_ == Kind::kCri || kind_ == Kind::kDocker) {
        return {};
    }
    uint32_t all_from = 0;
    for (const Rule& rule : rules_) {
        all_from |= rule.from;
    }
    if ((all_from & 1U) == 0) {
        return fail(ErrorCode::kInvalidArgument, "no rule begins a group (`from: start`)");
    }
    uint32_t reachable = 1;
    for (size_t round = 0; round < states_.size(); ++round) {
        for (const Rule& rule : rules_) {
            reachable |= (rule.from & reachable) != 0 ? 1U << rule.to : 0;
        }
    }
    for (Rule& rule : rules_) {
        rule.ends = kind_ == Kind::kStates && (all_from >> rule.to & 1U) == 0;
        if ((rule.from & reachable) == 0) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("no rule leads to a state that `{}` applies in", rule.regex->pattern())
            );
        }
    }
    return {};
}

const Rules::Rule* Rules::find(uint16_t state, std::string_view line) const {
    const uint32_t may = line.empty() ? empty_ : first_[static_cast<unsigned char>(line[0])];
    if ((may >> state & 1U) == 0) {
        return nullptr;
    }
    for (const Rule& rule : rules_) {
        if ((rule.from >> state & 1U) != 0 &&
            (rule.needle.empty() || line.find(rule.needle) != std::string_view::npos) &&
            re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *rule.regex)) {
            return &rule;
        }
    }
    return nullptr;
}

Rules::Step Rules::step(uint16_t& state, std::string_view line) const {
    switch (kind_) {
        case Kind::kStart: {
            const bool begins = state == 0 || find(0, without_return(line)) != nullptr;
            state = 1;
            return {begins, false};
        }
        case Kind::kContinue: {
            const bool begins = state == 0 || find(0, without_return(line)) == nullptr;
            state = 1;
            return {begins, false};
        }
        case Kind::kEnd: {
            const bool begins = state == 0;
            const bool closes = find(0, without_return(line)) != nullptr;
            state = closes ? 0 : 1;
            return {begins, closes};
        }
        case Kind::kStates:
            return step_states(state, without_return(line));
        case Kind::kCri:
        case Kind::kDocker: {
            const PartialLine part =
                kind_ == Kind::kCri ? read_cri_line(line) : read_docker_line(line);
            const bool begins = state == 0;
            if (!part.is_known) {
                return {begins, begins};  // within a group it goes along
            }
            const auto bit = static_cast<uint16_t>(1U << part.stream);
            state = static_cast<uint16_t>(part.is_partial ? state | bit : state & ~bit);
            return {begins, state == 0};
        }
    }
    return {true, true};
}

Rules::Step Rules::step_states(uint16_t& state, std::string_view line) const {
    if (state != 0) {
        if (const Rule* rule = find(state, line)) {
            state = rule->ends ? 0 : rule->to;
            return {false, rule->ends};
        }
    }
    const Rule* rule = find(0, line);
    state = rule == nullptr || rule->ends ? 0 : rule->to;
    return {true, state == 0};
}

void Rules::records(
    std::string_view group,
    uint64_t bytes_max,
    const std::function<void(std::string_view record)>& emit
) const {
    join_partial_lines(
        group, kind_ == Kind::kCri ? read_cri_line : read_docker_line, bytes_max, emit
    );
}

}  // namespace seyir::multiline

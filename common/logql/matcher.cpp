// SPDX-License-Identifier: Apache-2.0
#include "common/logql/matcher.hpp"

#include <algorithm>

namespace seyir::logql {

Result<CompiledMatcher> CompiledMatcher::compile(const Matcher& matcher) {
    CompiledMatcher compiled;
    compiled.matcher_ = matcher;
    if (matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex) {
        SEYIR_TRY(compiled.regex_, Regex::compile(matcher.value, true));
    }
    return compiled;
}

bool CompiledMatcher::matches(std::string_view value) const {
    switch (matcher_.op) {
        case MatchOp::kEqual:
            return value == matcher_.value;
        case MatchOp::kNotEqual:
            return value != matcher_.value;
        case MatchOp::kRegex:
            return regex_->matches(value);
        case MatchOp::kNotRegex:
            return !regex_->matches(value);
    }
    return false;
}

Result<StreamMatcher> StreamMatcher::compile(const std::vector<Matcher>& matchers) {
    StreamMatcher compiled;
    for (const Matcher& matcher : matchers) {
        SEYIR_TRY(auto one, CompiledMatcher::compile(matcher));
        compiled.matchers_.push_back(std::move(one));
    }
    return compiled;
}

bool StreamMatcher::matches(const StreamLabels& labels) const {
    return std::ranges::all_of(matchers_, [&](const CompiledMatcher& matcher) {
        return matcher.matches(labels.get(matcher.name()));
    });
}

}  // namespace seyir::logql

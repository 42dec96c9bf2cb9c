// SPDX-License-Identifier: Apache-2.0
// Rule: when people are to be told of log records. It fires for a group of records (the same values
// of `by`) when at least `threshold` of them match `condition` within `window`.
// Threads: immutable after compile.   Errors: LogQL's, with position, caret and hint.
// Why one object for pipelines and for the collector's rules: DESIGN section 4, rule 8.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/record/severity.hpp"

namespace seyir::alert {

/// As written.
struct RuleText {
    std::string name;
    std::string condition = "{}";  ///< LogQL: an optional selector, and stages
    std::vector<std::string> by;   ///< labels, also those that stages of the condition extract
    uint64_t threshold = 1;
    Nanos window = std::chrono::minutes(5);
    Nanos cooldown = std::chrono::minutes(5);  ///< between two notices of one group
    SeverityNumber severity = kSeverityError;
    std::string summary;  ///< template over the event's attributes; "" = a sentence of our own
    bool notify_resolved = false;
    uint32_t groups_max = 1000;
};

struct Rule {
    static Result<std::shared_ptr<const Rule>> compile(RuleText text);

    RuleText text;
    logql::StreamMatcher streams;
    logql::Pipeline pipeline;
    std::shared_ptr<const logql::StageOp> summary;  ///< nullptr: our own
};

using RulePtr = std::shared_ptr<const Rule>;

}  // namespace seyir::alert

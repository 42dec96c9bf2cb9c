// SPDX-License-Identifier: Apache-2.0
#include "common/logql/stage/required.hpp"

#include <string_view>

#include "common/logql/stage/line_matcher.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/text/regex_needle.hpp"

namespace seyir::logql {
namespace {

/// The literals between the captures of `|> "a<_>b"`.
Needle pattern_needle(std::string_view pattern) {
    constexpr std::string_view kCapture = "<_>";
    std::vector<Needle> literals;
    while (!pattern.empty()) {
        const size_t end = pattern.find(kCapture);
        if (end != 0) {
            literals.push_back(Needle::of(std::string(pattern.substr(0, end))));
        }
        if (end == std::string_view::npos) {
            break;
        }
        pattern.remove_prefix(end + kCapture.size());
    }
    return Needle::all(std::move(literals));
}

Needle term_needle(const LineFilterTerm& term, LineOp op) {
    if (term.is_ip || term.value.empty()) {
        return {};
    }
    switch (op) {
        case LineOp::kContains:
            return Needle::of(term.value);
        case LineOp::kRegex:
            return regex_needle(term.value);
        case LineOp::kPattern:
            return pattern_needle(term.value);
    }
    return {};
}

/// `__error__` and the level of a record are not written anywhere.
bool is_made_up(std::string_view name) {
    return name.starts_with("__") || name.starts_with(kLevelLabel);
}

/// `whole`: how a label's whole value stands in the row.
Needle label_needle(const LabelFilter& filter, Needle::Place whole) {
    if (const auto* both = std::get_if<BothTests>(&filter.test)) {
        std::vector<Needle> parts = {
            label_needle(*both->left, whole), label_needle(*both->right, whole)
        };
        return both->is_or ? Needle::any(std::move(parts)) : Needle::all(std::move(parts));
    }
    const auto* test = std::get_if<StringTest>(&filter.test);
    if (test == nullptr || is_made_up(test->matcher.name) || test->matcher.value.empty()) {
        return {};
    }
    switch (test->matcher.op) {
        case MatchOp::kEqual:
            return Needle::of(test->matcher.value, false, whole);
        case MatchOp::kRegex:
            return regex_needle(test->matcher.value, Needle::Place::kPart, whole);
        case MatchOp::kNotEqual:
        case MatchOp::kNotRegex:
            return {};
    }
    return {};
}

/// Neither the line nor a value behind it is another one than is stored.
bool reads_only(const StageKind& kind) {
    return std::holds_alternative<JsonStage>(kind) || std::holds_alternative<LogfmtStage>(kind) ||
           std::holds_alternative<DropStage>(kind) || std::holds_alternative<KeepStage>(kind);
}

class Collector {
  public:
    void add(const StageKind& kind) {
        if (const auto* line = std::get_if<LineFilter>(&kind)) {
            if (is_line_stored_) {
                parts_.push_back(required_of(*line));
            }
        } else if (const auto* label = std::get_if<LabelFilter>(&kind)) {
            if (are_values_stored_) {
                parts_.push_back(label_needle(*label, whole_));
            }
        } else if (std::holds_alternative<RegexpStage>(kind) ||
                   std::holds_alternative<PatternStage>(kind)) {
            whole_ = Needle::Place::kPart;  // a capture may begin and end within a word
        } else if (std::holds_alternative<LabelFormatStage>(kind)) {
            are_values_stored_ = false;
        } else if (!reads_only(kind)) {
            is_line_stored_ = false;
            are_values_stored_ = false;
        }
    }

    Needle take() { return Needle::all(std::move(parts_)); }

  private:
    std::vector<Needle> parts_;
    Needle::Place whole_ = Needle::Place::kValue;
    bool is_line_stored_ = true;
    bool are_values_stored_ = true;
};

}  // namespace

Needle required_of(const LineFilter& filter) {
    if (filter.negated || filter.terms.empty()) {
        return {};
    }
    std::vector<Needle> any;
    for (const LineFilterTerm& term : filter.terms) {
        any.push_back(term_needle(term, filter.op));
    }
    return Needle::any(std::move(any));
}

Needle required_of(const std::vector<Stage>& stages) {
    Collector collector;
    for (const Stage& stage : stages) {
        collector.add(stage.kind);
    }
    return collector.take();
}

}  // namespace seyir::logql

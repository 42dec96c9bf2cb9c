// SPDX-License-Identifier: Apache-2.0
// LogPlan: a log expression ready to run: which streams, which texts may prune blocks, which
// stages. Room: logql::LogExpr -> LogPlan -> store::SelectQuery. Threads: immutable.   Errors:
// kInvalidArgument, kUnsupported with the place in the query.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "collector/query/number_tests.hpp"
#include "collector/store/log_store.hpp"
#include "common/base/result.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/stage/pipeline.hpp"

namespace seyir::query {

class LogPlan {
  public:
    static Result<LogPlan> make(std::string_view text, const logql::LogExpr& log);

    store::SelectQuery select(TenantId tenant, TimeRange range, store::Direction direction) const;

    const logql::Pipeline& pipeline() const { return pipeline_; }

    /// Whole lines, but only of rows whose lines may pass. Null: of all rows.
    std::shared_ptr<const store::LineWants> lines() const;
    /// What a query wants of lines that reads them only through these stages and needs no other
    /// labels of the line than those named. Null: whole lines. `number`: the label whose value is
    /// read as a number ("" = none), beside those that stages compare with one.
    std::shared_ptr<const store::LineWants> values_for(
        const std::vector<std::string>& labels, std::string_view number
    ) const;

    const NumberTests& number_tests() const { return number_tests_; }

    /// Stages drop rows and add what `| json` finds, nothing else.
    bool keeps_labels() const { return keeps_labels_; }

    const logql::StreamMatcher& streams() const { return *streams_; }

    /// For people: what is selected, what prunes, which stages run. Several lines.
    std::string explain(TimeRange range) const;

  private:
    void set_format(store::LineWants& wants) const;
    void add_line_tests(const std::vector<logql::Stage>& stages);

    std::string selector_text_;
    std::vector<std::string> stage_texts_;
    std::shared_ptr<const logql::StreamMatcher> streams_;
    logql::Pipeline pipeline_;
    Needle holds_;
    std::vector<store::LineTest> line_tests_;
    NumberTests number_tests_;
    std::vector<logql::KeyPath> paths_;  ///< of `| json a="b.c"`
    bool keeps_labels_ = false;
};

/// `{a="b", c=~"d"}`
std::string to_text(const std::vector<logql::Matcher>& matchers);

}  // namespace seyir::query

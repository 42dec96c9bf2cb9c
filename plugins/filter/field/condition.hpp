// SPDX-License-Identifier: Apache-2.0
// Condition: the `if:` of filters, a LogQL selector and stages as in `match:` of routes.
// Room: BatchView -> the rows it selects, and the rest.
// Threads: immutable after read(); one counter is shared, and atomic.
// Errors: a row whose evaluation ends in __error__ does not match; it is counted in
// seyir_filter_condition_errors_total.   Spec: docs/guide/logql.md, docs/guide/filters.md.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "common/component/types.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::plugins {

class Condition {
  public:
    /// Nothing when the key is absent or broken; then diagnostics say why.
    static std::optional<Condition> read(
        const config::ObjectReader& r, std::string_view key, component::PlanContext& context
    );

    /// Selected rows, ascending. Never copies the batch. `errors` counts rows with __error__.
    Selection match(const BatchView& view, uint64_t& errors) const;

  private:
    explicit Condition(logql::RouteMatcher matcher)
        : matcher_(std::make_shared<const logql::RouteMatcher>(std::move(matcher))) {}

    std::shared_ptr<const logql::RouteMatcher> matcher_;
};

/// `if`, or another key that takes a condition. The caller adds required() and describe().
config::Field condition_field(std::string name);

metrics::Counter& condition_errors(const component::RunContext& context);

/// Rows of the view that are not in `chosen`, which holds only rows of the view.
Selection rest_of(const BatchView& view, const Selection& chosen);

}  // namespace seyir::plugins

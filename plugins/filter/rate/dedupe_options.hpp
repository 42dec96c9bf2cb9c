// SPDX-License-Identifier: Apache-2.0
// What both modes of `dedupe` are made of; private to this folder.
// Threads: immutable once planned.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/component/types.hpp"
#include "plugins/filter/field/condition.hpp"
#include "plugins/filter/field/field_ref.hpp"

namespace seyir::plugins {

struct DedupeOptions {
    Nanos window{0};
    size_t keys_max = 0;
    std::vector<FieldRef> by;
    bool with_stream = true;
    std::optional<Condition> condition;
};

using DedupeOptionsPtr = std::shared_ptr<const DedupeOptions>;

component::FilterPlanPtr make_drop_repeats_plan(DedupeOptionsPtr options);
component::FilterPlanPtr make_summarize_plan(DedupeOptionsPtr options);

/// seyir_filter_dedupe_evicted_keys_total
metrics::Counter& dedupe_evicted(const component::RunContext& context);

}  // namespace seyir::plugins

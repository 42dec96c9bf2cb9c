// SPDX-License-Identifier: Apache-2.0
// Operation: one step of `modify` on one record. Made from configuration by plan_operations().
// Threads: each instance of the filter has its own operations.
// Errors: apply() is false where the record cannot be changed so; RowEdit::code and why say it.
// Limits: 512 attributes a record, 1 MiB a text, 64 MiB of texts and 4,096 streams a batch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/component/types.hpp"
#include "common/record/batch_editor.hpp"
#include "plugins/filter/field/condition.hpp"

namespace seyir::plugins {

inline constexpr size_t kAttributesMax = 512;
inline constexpr size_t kTextBytesMax = 1024 * 1024;
inline constexpr size_t kStreamsMax = 4096;
/// What templates may write for one batch: short lines can be made long by them.
inline constexpr size_t kBatchTextBytesMax = 64 * 1024 * 1024;

/// One record while operations change it. Attributes are collected and put back once.
struct RowEdit {
    BatchEditor& edit;
    uint32_t row = 0;
    std::vector<Attr> attrs;
    bool has_changed_attrs = false;
    std::string_view code;  ///< of the failure
    std::string why;
    size_t text_bytes = 0;  ///< that templates wrote for the batch

    RecordBatch& batch() { return edit.batch(); }

    bool fail(std::string_view failure_code, std::string message) {
        code = failure_code;
        why = std::move(message);
        return false;
    }

    /// A copy in the batch; nothing, and the row failed, beyond the batch's limit.
    std::optional<Slice> keep_text(std::string_view text, std::string_view what);
    /// Sets a real attribute: a parsed one of that name becomes real.
    bool put(KeyIndex key, const Value& value);
    bool remove(KeyIndex key);
};

class Operation {
  public:
    virtual ~Operation() = default;
    /// Before the rows of a batch, again when an earlier operation may have added names.
    virtual void bind(RecordBatch& batch) = 0;
    virtual bool apply(RowEdit& row) = 0;

    /// What it does depends on the record's attributes alone and changes nothing else, so rows that
    /// share attributes go on sharing them.
    virtual bool is_about_attributes() const { return false; }

    virtual bool may_fail() const { return true; }
};

using OperationPtr = std::unique_ptr<Operation>;

struct PlannedOperation {
    std::optional<Condition> condition;
    std::function<OperationPtr()> make;
};

config::Schema operation_schema();
/// Mistakes become diagnostics.
std::vector<PlannedOperation> plan_operations(
    const config::ObjectReader& r, component::PlanContext& context
);

}  // namespace seyir::plugins

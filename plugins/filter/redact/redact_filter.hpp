// SPDX-License-Identifier: Apache-2.0
// RedactFilter: takes personal data and secrets out of bodies, attributes and attribute names.
// Rows without any pass untouched and uncopied. Fails closed: a row that cannot be treated is
// failed, never passed on.
// Attributes that a `parse` filter took out of a changed body are treated whatever `fields` says,
// and dropped when they hold a piece of what was taken out of it, or when a custom rule changed it.
// Threads: one owner.   Limits: values nested kDepthMax deep; those of redactor.hpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/metrics/registry.hpp"
#include "common/pipeline/filter.hpp"
#include "common/record/batch_editor.hpp"
#include "plugins/filter/redact/redactor.hpp"

namespace seyir::plugins::redact {

class RedactFilter final : public pipeline::Filter {
  public:
    static constexpr int kDepthMax = 64;

    /// `counters`: one for each entry of Redactor::counts().
    RedactFilter(
        RedactOptionsPtr options, Redactor redactor, std::vector<metrics::Counter*> counters
    );

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override;

  private:
    enum class KeyRule : uint8_t { kNever, kParsedOnly, kAlways };

    Result<BatchView> with_clean_names(BatchView view);
    void choose_keys(const RecordBatch& batch);
    bool wants(const Attr& attr) const;
    bool row_changes(const RecordBatch& batch, uint32_t row);
    bool value_changes(const Value& value, int depth);
    Result<void> redact_row(BatchEditor& edit, size_t row);
    Result<void> redact_attrs(BatchEditor& edit, size_t row, Slice body, bool body_changed);
    Result<bool> redact_value(Value& value, Arena& arena, int depth);
    Result<bool> redact_array(Value& value, Arena& arena, int depth);
    Result<bool> redact_map(Value& value, Arena& arena, int depth);
    bool holds_piece(const Value& value, Slice body, int depth) const;
    void count();

    RedactOptionsPtr options_;
    Redactor redactor_;
    std::vector<metrics::Counter*> counters_;
    std::vector<KeyRule> keys_;  // by KeyIndex of the batch in process
    std::vector<Attr> attrs_;
    std::vector<Match> removed_;  // of the body of the row in process
    bool custom_removed_ = false;
};

}  // namespace seyir::plugins::redact

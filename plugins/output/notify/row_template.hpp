// SPDX-License-Identifier: Apache-2.0
// RowTemplate: text made of a record, in the language of LogQL's line_format: {{.label}} of stream
// labels and attributes (dots of names as `_`), {{__line__}}, and {{.__timestamp__}} (RFC 3339).
// Room: row -> text.   Threads: immutable after compile; each caller brings its ScratchRow.
// Errors: kInvalidArgument, kUnsupported with the template's own words.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/logql/stage/stage_op.hpp"

namespace seyir::plugins::notify {

class RowTemplate {
  public:
    static Result<RowTemplate> compile(const std::string& text);

    /// Lives until the scratch row's next use.
    std::string_view render(logql::ScratchRow& scratch, const RecordBatch& batch, uint32_t row)
        const;

  private:
    std::shared_ptr<const logql::StageOp> op_;
};

}  // namespace seyir::plugins::notify

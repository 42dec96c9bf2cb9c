// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/row_template.hpp"

namespace seyir::plugins::notify {

Result<RowTemplate> RowTemplate::compile(const std::string& text) {
    SEYIR_TRY(auto op, logql::make_stage(logql::LineFormatStage{text}));
    RowTemplate made;
    made.op_ = std::move(op);
    return made;
}

std::string_view RowTemplate::render(
    logql::ScratchRow& scratch, const RecordBatch& batch, uint32_t row
) const {
    scratch.bind(batch, row);
    scratch.set("__timestamp__", to_rfc3339(batch.ts(row)));
    (void)op_->apply(scratch);  // line_format keeps every row
    return scratch.line();
}

}  // namespace seyir::plugins::notify

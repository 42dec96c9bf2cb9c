// SPDX-License-Identifier: Apache-2.0
// StageOp: one compiled stage. Made from the syntax tree by the functions below, one per kind.
// Threads: immutable after make; apply() is thread-safe on different rows.
// Errors: kInvalidArgument and kUnsupported without position; pipeline.cpp adds the place.
#pragma once

#include <memory>

#include "common/base/result.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/stage/scratch_row.hpp"

namespace seyir::logql {

class StageOp {
  public:
    virtual ~StageOp() = default;
    /// False drops the row.
    virtual bool apply(ScratchRow& row) const = 0;
};

using StageOpPtr = std::unique_ptr<const StageOp>;

Result<StageOpPtr> make_stage(const LineFilter& stage);
Result<StageOpPtr> make_stage(const LabelFilter& stage);
Result<StageOpPtr> make_stage(const JsonStage& stage);
Result<StageOpPtr> make_stage(const LogfmtStage& stage);
Result<StageOpPtr> make_stage(const RegexpStage& stage);
Result<StageOpPtr> make_stage(const PatternStage& stage);
Result<StageOpPtr> make_stage(const UnpackStage& stage);
Result<StageOpPtr> make_stage(const DecolorizeStage& stage);
Result<StageOpPtr> make_stage(const LineFormatStage& stage);
Result<StageOpPtr> make_stage(const LabelFormatStage& stage);
Result<StageOpPtr> make_stage(const DropStage& stage);
Result<StageOpPtr> make_stage(const KeepStage& stage);

}  // namespace seyir::logql

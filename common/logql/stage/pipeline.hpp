// SPDX-License-Identifier: Apache-2.0
// Pipeline: the stages of a log expression, compiled, in order.
// Room: ScratchRow -> kept or dropped, with its line and labels as the stages left them.
// Threads: immutable after compile; process() is thread-safe on different rows.
// Errors: kInvalidArgument and kUnsupported with position, caret and hint.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/stage/stage_op.hpp"

namespace seyir::logql {

/// What stages need of a line, apart from line filters.
enum class LineUse : uint8_t {
    kNone,
    kJsonLabels,    ///< what `| json` finds in it
    kJsonPaths,     ///< what `| json a="b.c"` finds in it: keys, no indexes
    kLogfmtLabels,  ///< what `| logfmt` finds in it
    kWhole,
};

/// A label of `| json name="a.b"` and the keys it is found by.
struct KeyPath {
    std::string name;
    std::vector<std::string> keys;
};

/// Nothing when a path has an index, a key that may stand otherwise in a line, or when a name or a
/// path is there twice.
std::optional<std::vector<KeyPath>> key_paths_of(const JsonStage& stage);

class Pipeline {
  public:
    /// `text` is the query the stages were parsed from, for messages.
    static Result<Pipeline> compile(std::string_view text, const std::vector<Stage>& stages);

    /// False: the row is dropped.
    bool process(ScratchRow& row) const {
        for (const StageOpPtr& stage : stages_) {
            if (!stage->apply(row)) {
                return false;
            }
        }
        return true;
    }

    bool empty() const { return stages_.empty(); }

    /// Every line that passes holds all of these: |= texts and literals of |~ before the first
    /// stage that changes the line. Values with a backslash are never among them, because stored
    /// JSON keeps its escapes.
    const std::vector<std::string>& required_texts() const { return required_texts_; }

    /// With all but kWhole a row may have a stand-in (ScratchRow) in place of its line.
    LineUse line_use() const { return line_use_; }

    /// Labels that stages themselves read; nothing when some stage may read any label.
    const std::optional<std::vector<std::string>>& referenced_labels() const { return referenced_; }

  private:
    std::vector<StageOpPtr> stages_;
    std::vector<std::string> required_texts_;
    LineUse line_use_ = LineUse::kNone;
    std::optional<std::vector<std::string>> referenced_ = std::vector<std::string>();
};

}  // namespace seyir::logql

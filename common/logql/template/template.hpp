// SPDX-License-Identifier: Apache-2.0
// Template: what line_format and label_format write: Go's text/template on a row's labels.
// Room: ScratchRow -> text in its scratch memory.
// Threads: immutable after compile; render() is thread-safe on different rows.
// Errors: compile: kInvalidArgument and kUnsupported; render: nothing, and the row has
// __error__="TemplateFormatErr".
// Limits: kRenderedBytesMax and kTemplateStepsMax a row, all its templates together.
// Spec: Go's text/template without define, template and block; Grafana's template functions.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "common/base/result.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/template/value.hpp"

namespace seyir::logql::tmpl {

struct Node;

class Template {
  public:
    static Result<Template> compile(std::string_view text);

    /// `labels`: what the template sees as the row's labels; null: those it has now.
    std::optional<std::string_view> render(ScratchRow& row, const Value* labels = nullptr) const;

    /// Labels the template reads by name; nothing when it may read any.
    const std::optional<std::vector<std::string>>& referenced_labels() const { return referenced_; }

    /// It reads the line (`__line__`).
    bool reads_line() const { return reads_line_; }

  private:
    /// Text and {{.label}} only: written without the executor.
    std::optional<std::string_view> render_simple(ScratchRow& row, const Value* labels) const;

    struct Part {
        bool is_label = false;
        std::string text;
    };

    std::shared_ptr<const std::vector<Node>> nodes_;
    std::vector<Part> parts_;
    bool is_simple_ = false;
    std::optional<std::vector<std::string>> referenced_;
    bool reads_line_ = false;
};

}  // namespace seyir::logql::tmpl

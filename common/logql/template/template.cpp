// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/template.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/logql/template/executor.hpp"
#include "common/logql/template/printf.hpp"
#include "common/logql/template/tree.hpp"

namespace seyir::logql::tmpl {
namespace {

/// What a template reads, found by walking its tree.
struct Reads {
    std::vector<std::string> labels;
    bool any_label = false;
    bool line = false;

    /// `inside`: in a body of with or range, where `.` is something else.
    void take(const Operand& operand, bool inside) {
        const bool is_root = (operand.kind == Operand::Kind::kDot && !inside) ||
                             (operand.kind == Operand::Kind::kVariable && operand.text.empty());
        if (is_root && operand.fields.empty()) {
            any_label = true;
        } else if (is_root) {
            labels.push_back(operand.fields[0]);
        }
        line = line || (operand.function != nullptr && operand.function->name == "__line__");
        if (operand.pipeline) {
            take(*operand.pipeline, inside);
        }
    }

    void take(const Pipeline& pipeline, bool inside) {
        for (const Command& command : pipeline.commands) {
            for (const Operand& operand : command.words) {
                take(operand, inside);
            }
        }
    }

    void take(const Nodes& nodes, bool inside) {
        for (const Node& node : nodes) {
            take(node.pipeline, inside);
            const bool moves = node.kind == Node::Kind::kWith || node.kind == Node::Kind::kRange;
            take(node.body, inside || moves);
            take(node.otherwise, inside);
        }
    }
};

/// The label's name when the node is {{.label}}.
const std::string* plain_label(const Node& node) {
    const bool one = node.kind == Node::Kind::kAction && node.pipeline.variables.empty() &&
                     node.pipeline.commands.size() == 1 &&
                     node.pipeline.commands[0].words.size() == 1;
    if (!one) {
        return nullptr;
    }
    const Operand& word = node.pipeline.commands[0].words[0];
    return word.kind == Operand::Kind::kDot && word.fields.size() == 1 ? &word.fields[0] : nullptr;
}

std::string_view label_of(const ScratchRow& row, const Value* labels, const std::string& name) {
    if (labels == nullptr) {
        return row.get_or_empty(name);
    }
    const Value* found = std::get<std::shared_ptr<const Map>>(*labels)->find(name);
    return found == nullptr ? std::string_view() : std::get<std::string_view>(*found);
}

}  // namespace

Result<Template> Template::compile(std::string_view text) {
    Template made;
    SEYIR_TRY(Nodes nodes, parse_template(text));
    Reads reads;
    reads.take(nodes, false);
    made.reads_line_ = reads.line;
    if (!reads.any_label) {
        made.referenced_ = std::move(reads.labels);
    }
    made.is_simple_ = std::ranges::all_of(nodes, [](const Node& node) {
        return node.kind == Node::Kind::kText || plain_label(node) != nullptr;
    });
    for (const Node& node : nodes) {
        const std::string* label = plain_label(node);
        if (made.is_simple_) {
            made.parts_.push_back({label != nullptr, label != nullptr ? *label : node.text});
        }
    }
    made.nodes_ = std::make_shared<const Nodes>(std::move(nodes));
    return made;
}

std::optional<std::string_view> Template::render_simple(ScratchRow& row, const Value* labels)
    const {
    size_t size = 0;
    for (const Part& part : parts_) {
        size += part.is_label ? label_of(row, labels, part.text).size() : part.text.size();
    }
    if (!row.take_rendered(size)) {
        row.set_error("TemplateFormatErr", "templates wrote more than 4 MiB for this line");
        return std::nullopt;
    }
    char* const begin = row.scratch().allocate(size);
    char* out = begin;
    for (const Part& part : parts_) {
        out =
            std::ranges::copy(
                part.is_label ? label_of(row, labels, part.text) : std::string_view(part.text), out
            )
                .out;
    }
    return std::string_view(begin, size);
}

std::optional<std::string_view> Template::render(ScratchRow& row, const Value* labels) const {
    if (is_simple_) {
        return render_simple(row, labels);
    }
    std::string& out = row.template_buffer();
    out.clear();
    Executor executor(row, labels != nullptr ? *labels : Value(Labels{}), out);
    const auto done = executor.run(*nodes_);
    if (!done) {
        row.set_error("TemplateFormatErr", done.error().message);
        return std::nullopt;
    }
    return row.scratch().copy(out);
}

}  // namespace seyir::logql::tmpl

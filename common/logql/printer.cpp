// SPDX-License-Identifier: Apache-2.0
#include "common/logql/printer.hpp"

#include <fmt/format.h>

#include "common/logql/printer_parts.hpp"

namespace seyir::logql {
namespace {

using namespace detail;

std::string log_text(const LogExpr& log) {
    std::string out = selector_text(log.matchers);
    for (const Stage& stage : log.stages) {
        out += " " + stage_text(stage);
    }
    return out;
}

std::string filters_text(const std::vector<Stage>& filters, const std::string& before) {
    std::string out;
    for (const Stage& filter : filters) {
        out += before + stage_text(filter);
    }
    return out;
}

std::string offset_text(int64_t offset_ns) {
    return offset_ns == 0 ? "" : " offset " + range_text(offset_ns);
}

/// True where the operand would be read another way without parentheses.
bool needs_parentheses(const BinaryExpr& node, const Expr& operand, bool is_left) {
    const auto* inner = std::get_if<BinaryExpr>(&operand.node);
    if (inner == nullptr) {
        // -2 ^ 2 and the like: a sign in front of a base.
        const auto* number = std::get_if<NumberLiteral>(&operand.node);
        return number != nullptr && number->value < 0 && is_left && node.op == BinaryOp::kPow;
    }
    const int outside = precedence_of(node.op);
    const int inside = precedence_of(inner->op);
    const bool to_the_right = node.op == BinaryOp::kPow;
    return inside < outside || (inside == outside && is_left == to_the_right);
}

struct LinePrinter {
    std::string print(const Expr& expr) const { return std::visit(*this, expr.node); }

    std::string operator()(const LogExpr& node) const { return log_text(node); }

    std::string operator()(const NumberLiteral& node) const { return number_text(node.value); }

    std::string operator()(const VectorLiteral& node) const {
        return fmt::format("vector({})", number_text(node.value));
    }

    std::string operator()(const RangeAggregation& node) const {
        std::string out = fmt::format("{}(", name_of(node.op));
        out += node.parameter ? number_text(*node.parameter) + "," : "";
        out += log_text(node.log);
        if (node.unwrap) {
            out += " " + unwrap_text(*node.unwrap) + filters_text(node.unwrap->filters, " ");
        }
        // Behind stages a name could end where the bracket begins: a space keeps them apart.
        const bool bare = node.log.stages.empty() && !node.unwrap;
        out += fmt::format("{}[{}]", bare ? "" : " ", range_text(node.range_ns));
        out += offset_text(node.offset_ns) + ")";
        return out + (node.grouping ? grouping_text(*node.grouping, ",") : "");
    }

    std::string operator()(const VectorAggregation& node) const {
        std::string out(name_of(node.op));
        out += node.grouping ? grouping_text(*node.grouping, ",") + " " : "";
        out += "(";
        out += node.parameter ? fmt::format("{},", *node.parameter) : "";
        return out + print(*node.operand) + ")";
    }

    std::string operator()(const LabelReplace& node) const {
        return fmt::format(
            "label_replace({},{},{},{},{})",
            print(*node.operand),
            quoted(node.destination),
            quoted(node.replacement),
            quoted(node.source),
            quoted(node.regex)
        );
    }

    std::string operand(const BinaryExpr& node, const Expr& side, bool is_left) const {
        const std::string text = print(side);
        return needs_parentheses(node, side, is_left) ? "(" + text + ")" : text;
    }

    std::string operator()(const BinaryExpr& node) const {
        return fmt::format(
            "{} {} {}",
            operand(node, *node.left, true),
            operator_text(node, ","),
            operand(node, *node.right, false)
        );
    }
};

class PrettyPrinter {
  public:
    explicit PrettyPrinter(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

    std::string print(const Expr& expr, size_t level) const {
        const std::string line = LinePrinter{}.print(expr);
        if (line.size() <= line_bytes_max_ || std::holds_alternative<NumberLiteral>(expr.node) ||
            std::holds_alternative<VectorLiteral>(expr.node)) {
            return indent(level) + line;
        }
        return std::visit([&](const auto& node) { return spread(node, level); }, expr.node);
    }

  private:
    static std::string indent(size_t level) { return std::string(2 * level, ' '); }

    /// The selector, then a stage a line; line filters that follow each other share one.
    static std::string spread(const LogExpr& node, size_t level) {
        std::string out = indent(level) + selector_text(node.matchers);
        bool after_line_filter = false;
        for (const Stage& stage : node.stages) {
            const bool is_line_filter = std::holds_alternative<LineFilter>(stage.kind);
            const bool joins = is_line_filter && after_line_filter;
            out += joins ? " " : "\n" + indent(level + 1);
            out += stage_text(stage);
            after_line_filter = is_line_filter;
        }
        return out;
    }

    static std::string spread(const NumberLiteral& node, size_t) { return number_text(node.value); }

    static std::string spread(const VectorLiteral& node, size_t) { return number_text(node.value); }

    std::string log_range(const RangeAggregation& node, size_t level) const {
        const bool fits = log_text(node.log).size() <= line_bytes_max_;
        std::string out = fits ? indent(level) + log_text(node.log) : spread(node.log, level);
        if (node.unwrap) {
            out += "\n" + indent(level + 1) + unwrap_text(*node.unwrap);
            out += filters_text(node.unwrap->filters, "\n" + indent(level + 1));
        }
        return out + fmt::format(" [{}]", range_text(node.range_ns)) + offset_text(node.offset_ns);
    }

    std::string spread(const RangeAggregation& node, size_t level) const {
        std::string out = fmt::format("{}{}(\n", indent(level), name_of(node.op));
        if (node.parameter) {
            out += indent(level + 1) + number_text(*node.parameter) + ",\n";
        }
        out += log_range(node, level + 1) + "\n" + indent(level) + ")";
        return out + (node.grouping ? grouping_text(*node.grouping, ", ") : "");
    }

    std::string spread(const VectorAggregation& node, size_t level) const {
        std::string out = indent(level) + std::string(name_of(node.op));
        out += node.grouping ? grouping_text(*node.grouping, ", ") : "";
        out += "(\n";
        if (node.parameter) {
            out += fmt::format("{}{},\n", indent(level + 1), *node.parameter);
        }
        return out + print(*node.operand, level + 1) + "\n" + indent(level) + ")";
    }

    std::string spread(const LabelReplace& node, size_t level) const {
        std::string out = indent(level) + "label_replace(\n" + print(*node.operand, level + 1);
        for (const std::string* text :
             {&node.destination, &node.replacement, &node.source, &node.regex}) {
            out += ",\n" + indent(level + 1) + quoted(*text);
        }
        return out + "\n" + indent(level) + ")";
    }

    std::string operand(const BinaryExpr& node, const Expr& side, bool is_left, size_t level)
        const {
        if (!needs_parentheses(node, side, is_left)) {
            return print(side, level);
        }
        return indent(level) + "(\n" + print(side, level + 1) + "\n" + indent(level) + ")";
    }

    std::string spread(const BinaryExpr& node, size_t level) const {
        return operand(node, *node.left, true, level + 1) + "\n" + indent(level) +
               operator_text(node, ", ") + "\n" + operand(node, *node.right, false, level + 1);
    }

    size_t line_bytes_max_;
};

}  // namespace

std::string to_text(const Expr& expr) {
    return LinePrinter{}.print(expr);
}

std::string pretty(const Expr& expr, size_t line_bytes_max) {
    return PrettyPrinter(line_bytes_max).print(expr, 0);
}

}  // namespace seyir::logql

// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a template, and its parser.
// Threads: immutable after parsing.
// Errors: kInvalidArgument in Go's words with the template's line; kUnsupported for define,
// template and block.
// Limits: kTemplateBytesMax, kTemplateDepthMax.   Spec: Go's text/template.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/template/functions.hpp"
#include "common/logql/template/value.hpp"

namespace seyir::logql::tmpl {

inline constexpr size_t kTemplateBytesMax = 131'072;
inline constexpr int kTemplateDepthMax = 100;

struct Pipeline;

/// A word of a command: a literal, `.a.b`, `$x.a`, a function, or a pipeline in parentheses.
struct Operand {
    enum class Kind : uint8_t { kLiteral, kDot, kVariable, kFunction, kPipeline };

    Kind kind = Kind::kDot;
    Value literal;     ///< of kLiteral; texts are in `text`
    std::string text;  ///< the literal's text, or the variable's name
    const Function* function = nullptr;
    std::shared_ptr<const Pipeline> pipeline;
    std::vector<std::string> fields;     ///< .a.b behind it
    std::shared_ptr<const Regex> regex;  ///< a literal text that a function takes as a pattern
};

/// A function with its arguments, or one operand.
struct Command {
    std::vector<Operand> words;
};

struct Pipeline {
    std::vector<std::string> variables;  ///< `$x :=`; two only in range
    bool assigns = false;                ///< `=` to a known variable
    std::vector<Command> commands;
};

struct Node;
using Nodes = std::vector<Node>;

struct Node {
    enum class Kind : uint8_t { kText, kAction, kIf, kWith, kRange, kBreak, kContinue };

    Kind kind = Kind::kText;
    std::string text;
    Pipeline pipeline;
    Nodes body;
    Nodes otherwise;  ///< else
};

Result<Nodes> parse_template(std::string_view text);

}  // namespace seyir::logql::tmpl

// SPDX-License-Identifier: Apache-2.0
// Walks the tree of a template over one row.
// Threads: one owner, one row.   Errors: the text for __error_details__.
// Spec: Go's text/template/exec, with missingkey=zero: a label that is not there is "".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/logql/template/tree.hpp"

namespace seyir::logql::tmpl {

class Executor {
  public:
    /// `labels`: what `.` is at first.
    Executor(ScratchRow& row, Value labels, std::string& out)
        : scope_(row), root_(std::move(labels)), out_(out) {}

    Result<void> run(const Nodes& nodes) {
        SEYIR_CHECK(walk(nodes, root_));
        return {};
    }

  private:
    enum class Flow : uint8_t { kGoOn, kBreak, kContinue };

    struct Variable {
        const std::string* name;
        Value value;
    };

    Result<Flow> walk(const Nodes& nodes, const Value& dot);
    Result<Flow> walk_one(const Node& node, const Value& dot);
    Result<Flow> walk_range(const Node& node, const Value& dot);
    Result<Flow> walk_item(const Node& node, Value key, Value item);
    Result<void> write(std::string_view text);
    Result<void> write_value(const Value& value);

    Result<Value> evaluate(const Pipeline& pipeline, const Value& dot);
    Result<Value> evaluate(const Command& command, const Value& dot, const Value* last);
    Result<Value> evaluate_early(const Command& command, const Value& dot, const Value* last);
    Result<Value> evaluate(const Operand& operand, const Value& dot);
    Result<Value> fields(Value value, const std::vector<std::string>& names);
    Result<Value> field(const Value& value, const std::string& name);
    Result<Value> variable(const std::string& name) const;
    void declare(const Pipeline& pipeline, const Value& value);

    Scope scope_;
    Value root_;
    std::string& out_;
    std::vector<Variable> variables_;
};

}  // namespace seyir::logql::tmpl

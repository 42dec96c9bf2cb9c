// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/executor.hpp"

#include <fmt/format.h>

#include "common/logql/template/printf.hpp"

namespace seyir::logql::tmpl {

Result<void> Executor::write(std::string_view text) {
    SEYIR_CHECK(scope_.take_bytes(text.size()));
    out_ += text;
    return {};
}

Result<void> Executor::write_value(const Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return write(*text);
    }
    const size_t before = out_.size();
    append_shown(out_, scope_, value);
    return scope_.take_bytes(out_.size() - before);
}

Result<Executor::Flow> Executor::walk(const Nodes& nodes, const Value& dot) {
    for (const Node& node : nodes) {
        SEYIR_CHECK(scope_.take_steps(1));
        SEYIR_TRY(const Flow flow, walk_one(node, dot));
        if (flow != Flow::kGoOn) {
            return flow;
        }
    }
    return Flow::kGoOn;
}

Result<Executor::Flow> Executor::walk_one(const Node& node, const Value& dot) {
    switch (node.kind) {
        case Node::Kind::kText:
            SEYIR_CHECK(write(node.text));
            return Flow::kGoOn;
        case Node::Kind::kAction: {
            SEYIR_TRY(const Value value, evaluate(node.pipeline, dot));
            if (node.pipeline.variables.empty()) {
                SEYIR_CHECK(write_value(value));
            }
            return Flow::kGoOn;
        }
        case Node::Kind::kIf:
        case Node::Kind::kWith: {
            const size_t scope = variables_.size();
            SEYIR_TRY(const Value value, evaluate(node.pipeline, dot));
            const bool holds = is_true(value);
            const bool moves = node.kind == Node::Kind::kWith && holds;
            SEYIR_TRY(
                const Flow flow, walk(holds ? node.body : node.otherwise, moves ? value : dot)
            );
            variables_.resize(scope);
            return flow;
        }
        case Node::Kind::kRange:
            return walk_range(node, dot);
        case Node::Kind::kBreak:
            return Flow::kBreak;
        case Node::Kind::kContinue:
            return Flow::kContinue;
    }
    return Flow::kGoOn;
}

Result<Executor::Flow> Executor::walk_item(const Node& node, Value key, Value item) {
    SEYIR_CHECK(scope_.take_steps(1));
    const size_t scope = variables_.size();
    const std::vector<std::string>& names = node.pipeline.variables;
    const auto give = [&](const std::string& name, const Value& value) {
        if (node.pipeline.assigns) {
            for (size_t i = variables_.size(); i-- > 0;) {
                if (*variables_[i].name == name) {
                    variables_[i].value = value;
                    return;
                }
            }
        }
        variables_.push_back({&name, value});
    };
    if (names.size() == 2) {
        give(names[0], key);
        give(names[1], item);
    } else if (names.size() == 1) {
        give(names[0], item);
    }
    SEYIR_TRY(const Flow flow, walk(node.body, item));
    variables_.resize(scope);
    return flow;
}

Result<Executor::Flow> Executor::walk_range(const Node& node, const Value& dot) {
    const size_t scope = variables_.size();
    SEYIR_TRY(Value value, evaluate(node.pipeline, dot));
    variables_.resize(scope);
    if (std::holds_alternative<Labels>(value)) {
        value = labels_map(scope_.row());
    }
    size_t items = 0;
    const auto each = [&](Value key, Value item) -> Result<bool> {
        ++items;
        SEYIR_TRY(const Flow flow, walk_item(node, std::move(key), std::move(item)));
        return flow != Flow::kBreak;
    };
    if (const auto* list = std::get_if<std::shared_ptr<const List>>(&value)) {
        for (size_t i = 0; i < (*list)->items.size(); ++i) {
            SEYIR_TRY(const bool more, each(static_cast<int64_t>(i), (*list)->items[i]));
            if (!more) {
                break;
            }
        }
    } else if (const auto* map = std::get_if<std::shared_ptr<const Map>>(&value)) {
        for (const auto& [key, member] : (*map)->members) {
            SEYIR_TRY(const bool more, each(Value(key), member));
            if (!more) {
                break;
            }
        }
    } else if (const auto* count = std::get_if<int64_t>(&value)) {
        for (int64_t i = 0; i < *count; ++i) {
            SEYIR_TRY(const bool more, each(i, i));
            if (!more) {
                break;
            }
        }
    } else if (!value.is_nil()) {
        std::string shown;
        append_shown(shown, scope_, value);
        return template_error(fmt::format("range can't iterate over {}", shown.substr(0, 100)));
    }
    if (items > 0) {
        return Flow::kGoOn;
    }
    return walk(node.otherwise, dot);
}

void Executor::declare(const Pipeline& pipeline, const Value& value) {
    const std::string& name = pipeline.variables[0];
    if (pipeline.assigns) {
        for (size_t i = variables_.size(); i-- > 0;) {
            if (*variables_[i].name == name) {
                variables_[i].value = value;
                return;
            }
        }
    }
    variables_.push_back({&name, value});
}

Result<Value> Executor::evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value;
    const Value* last = nullptr;
    for (const Command& command : pipeline.commands) {
        SEYIR_CHECK(scope_.take_steps(1));
        SEYIR_TRY(value, evaluate(command, dot, last));
        last = &value;
    }
    if (pipeline.variables.size() == 1) {
        declare(pipeline, value);
    }
    return value;
}

Result<Value> Executor::evaluate(const Command& command, const Value& dot, const Value* last) {
    const Operand& first = command.words[0];
    const bool has_args = command.words.size() > 1 || last != nullptr;
    if (first.kind != Operand::Kind::kFunction) {
        if (has_args && !first.fields.empty()) {
            return template_error(
                fmt::format("{} is not a method but has arguments", first.fields.back())
            );
        }
        if (has_args) {
            return template_error(fmt::format("can't give argument to non-function {}", first.text)
            );
        }
        if (first.kind == Operand::Kind::kLiteral && first.literal.is_nil()) {
            return template_error("nil is not a command");
        }
        return evaluate(first, dot);
    }
    if (first.function->name == "and" || first.function->name == "or") {
        return evaluate_early(command, dot, last);
    }
    std::vector<Value> args;
    args.reserve(command.words.size());
    for (size_t i = 1; i < command.words.size(); ++i) {
        SEYIR_TRY(Value arg, evaluate(command.words[i], dot));
        args.push_back(std::move(arg));
    }
    if (last != nullptr) {
        args.push_back(*last);
    }
    const Regex* regex = command.words.size() > 1 ? command.words[1].regex.get() : nullptr;
    SEYIR_TRY(Value value, call(scope_, *first.function, args, regex));
    return fields(std::move(value), first.fields);
}

/// `and` ends at the first that is empty, `or` at the first that is not.
Result<Value> Executor::evaluate_early(
    const Command& command, const Value& dot, const Value* last
) {
    const bool is_or = command.words[0].function->name == "or";
    Value value;
    size_t count = 0;
    for (size_t i = 1; i < command.words.size(); ++i) {
        SEYIR_TRY(value, evaluate(command.words[i], dot));
        ++count;
        if (is_true(value) == is_or) {
            return value;
        }
    }
    if (last != nullptr) {
        return *last;
    }
    if (count == 0) {
        return template_error(fmt::format(
            "wrong number of args for {}: want at least 1 got 0", command.words[0].function->name
        ));
    }
    return value;
}

Result<Value> Executor::variable(const std::string& name) const {
    if (name.empty()) {
        return root_;
    }
    for (size_t i = variables_.size(); i-- > 0;) {
        if (*variables_[i].name == name) {
            return variables_[i].value;
        }
    }
    return template_error(fmt::format("undefined variable: ${}", name));
}

Result<Value> Executor::evaluate(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
        case Operand::Kind::kLiteral:
            return std::holds_alternative<std::string_view>(operand.literal)
                       ? Value(std::string_view(operand.text))
                       : operand.literal;
        case Operand::Kind::kDot:
            return fields(dot, operand.fields);
        case Operand::Kind::kVariable: {
            SEYIR_TRY(Value value, variable(operand.text));
            return fields(std::move(value), operand.fields);
        }
        case Operand::Kind::kPipeline: {
            const size_t scope = variables_.size();
            SEYIR_TRY(Value value, evaluate(*operand.pipeline, dot));
            variables_.resize(scope);
            return fields(std::move(value), operand.fields);
        }
        case Operand::Kind::kFunction: {
            SEYIR_TRY(Value value, call(scope_, *operand.function, {}, nullptr));
            return fields(std::move(value), operand.fields);
        }
    }
    return Value();
}

Result<Value> Executor::fields(Value value, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        SEYIR_TRY(value, field(value, name));
    }
    return value;
}

Result<Value> Executor::field(const Value& value, const std::string& name) {
    if (std::holds_alternative<Labels>(value)) {
        return Value(scope_.row().get_or_empty(name));
    }
    if (const auto* map = std::get_if<std::shared_ptr<const Map>>(&value)) {
        const Value* found = (*map)->find(name);
        // The labels of a row are texts: one that is not there is "".
        const auto* root = std::get_if<std::shared_ptr<const Map>>(&root_);
        const bool is_labels = root != nullptr && *root == *map;
        return found != nullptr ? *found : is_labels ? Value(std::string_view()) : Value();
    }
    if (value.is_nil()) {
        return template_error(fmt::format("nil data; no entry for key {:?}", name));
    }
    return template_error(fmt::format("can't evaluate field {} in type {}", name, type_name(value))
    );
}

}  // namespace seyir::logql::tmpl

// SPDX-License-Identifier: Apache-2.0
// Configuration -> operations; every mistake becomes a diagnostic at its place.
#include "plugins/filter/modify/operation.hpp"

#include <utility>

#include <fmt/format.h>

#include "plugins/filter/field/constant.hpp"
#include "plugins/filter/modify/operation_kinds.hpp"

namespace seyir::plugins {
namespace {

using component::PlanContext;
using config::ObjectReader;

class Planner {
  public:
    Planner(const ObjectReader& r, PlanContext& context) : r_(r), context_(context) {}

    std::optional<PlannedOperation> plan() {
        PlannedOperation planned;
        planned.condition = Condition::read(r_, "if", context_);
        int kinds = 0;
        for (const std::string_view kind : {"set", "rename", "remove", "convert"}) {
            kinds += r_.has(kind) ? 1 : 0;
        }
        if (kinds != 1) {
            const config::Span at = r_.node()->span;
            add(config::kNotAllowed,
                {at.begin, at.begin + 1},
                "an operation has exactly one of `set`, `rename`, `remove`, `convert`",
                kinds == 0 ? "say what is done" : "make it several operations");
            return std::nullopt;
        }
        if (r_.has("remove") == r_.has("to")) {
            const bool is_remove = r_.has("remove");
            add(is_remove ? config::kNotAllowed : config::kMissingKey,
                is_remove ? r_.key_span("to") : r_.node()->entries.front().key->span,
                is_remove ? "`remove` takes no `to`" : "`to` is missing",
                is_remove ? "leave it out" : "add the value, the new name or the type");
            return std::nullopt;
        }
        planned.make = r_.has("set")      ? set()
                       : r_.has("rename") ? rename()
                       : r_.has("remove") ? remove()
                                          : convert();
        return planned.make ? std::optional(std::move(planned)) : std::nullopt;
    }

  private:
    using Make = std::function<OperationPtr()>;

    void add(std::string_view code, config::Span at, std::string message, std::string hint = "") {
        context_.diagnostics.add(
            {.code = code, .at = at, .message = std::move(message), .hint = std::move(hint)}
        );
    }

    std::optional<FieldRef> field(std::string_view text, config::Span at) {
        auto ref = FieldRef::parse(text);
        if (ref && (ref->name.find("{{") != std::string::npos ||
                    ref->name.find("}}") != std::string::npos)) {
            ref = fail(ErrorCode::kInvalidArgument, "a field's name holds braces");
        }
        if (!ref) {
            add(config::kBadName, at, ref.error().message);
            return std::nullopt;
        }
        return *std::move(ref);
    }

    std::optional<FieldRef> field(std::string_view key) {
        return field(r_.string(key), r_.span(key));
    }

    std::optional<SetValue> set_value() {
        Constant typed = constant_of(*r_.node()->find("to")->value);
        if (const auto* truth = std::get_if<bool>(&typed)) {
            return *truth;
        }
        if (const auto* number = std::get_if<int64_t>(&typed)) {
            return *number;
        }
        if (const auto* real = std::get_if<double>(&typed)) {
            return *real;
        }
        auto text = TextTemplate::parse(std::get<std::string>(typed));
        if (!text) {
            component::add_value_error(context_, r_, "to", config::kNotAllowed, text.error());
            return std::nullopt;
        }
        return std::move(*text);
    }

    /// A constant is checked now, not at the first record.
    bool fits(const FieldRef& target, const SetValue& value) {
        const config::Node& node = *r_.node()->find("to")->value;
        const auto* text = std::get_if<TextTemplate>(&value);
        if (text != nullptr && !text->is_constant()) {
            return true;
        }
        if (target.kind == FieldKind::kSeverity && !severity_of(node.text)) {
            add(config::kNotAllowed,
                node.span,
                fmt::format("`{}` is no severity", node.text),
                "a word such as debug, info, warn, error, fatal, or 1 to 24");
            return false;
        }
        if (target.kind == FieldKind::kTimestamp && !time_from_text(node.text)) {
            add(config::kNotAllowed, node.span, fmt::format("`{}` is no time", node.text));
            return false;
        }
        return true;
    }

    Make set() {
        const auto target = field("set");
        const auto value = set_value();
        if (!target || !value || !fits(*target, *value)) {
            return {};
        }
        const std::string what = fmt::format("set `{}`", r_.string("set"));
        return [=] { return make_set(*target, *value, what); };
    }

    Make rename() {
        const auto from = field("rename");
        const auto to = field("to");
        if (!from || !to) {
            return {};
        }
        if (from->kind != FieldKind::kAttribute && from->kind != FieldKind::kLabel) {
            add(config::kNotAllowed,
                r_.span("rename"),
                fmt::format("`{}` cannot be renamed", r_.string("rename")),
                fmt::format(
                    "set another field to \"{{{{.{}}}}}\"; an attribute of that name is "
                    "`attributes.{}`",
                    r_.string("rename"),
                    r_.string("rename")
                ));
            return {};
        }
        const std::string what =
            fmt::format("rename `{}` to `{}`", r_.string("rename"), r_.string("to"));
        return [=] { return make_rename(*from, *to, what); };
    }

    Make remove() {
        std::vector<FieldRef> fields;
        const std::vector<std::string> names = r_.strings("remove");
        for (size_t i = 0; i < names.size(); ++i) {
            const config::Span at = r_.item_span("remove", i);
            auto one = field(names[i], at);
            if (!one) {
                return {};
            }
            if (one->kind == FieldKind::kLine || one->kind == FieldKind::kTimestamp) {
                add(config::kNotAllowed,
                    at,
                    fmt::format("every record has a `{}`", names[i]),
                    fmt::format("an attribute of that name is `attributes.{}`", names[i]));
                return {};
            }
            fields.push_back(std::move(*one));
        }
        return [fields = std::move(fields)] { return make_remove(fields, "remove"); };
    }

    Make convert() {
        const auto target = field("convert");
        const std::string name = r_.string("to");
        const auto to = convert_target(name);
        if (!to) {
            add(config::kNotAllowed,
                r_.span("to"),
                fmt::format("`{}` is no type", name),
                "int, double, bool, string, duration, bytes or time");
        }
        if (!target || !to) {
            return {};
        }
        if (target->kind != FieldKind::kAttribute) {
            add(config::kNotAllowed,
                r_.span("convert"),
                fmt::format("`{}` has a type of its own", r_.string("convert")),
                "attributes can be converted");
            return {};
        }
        const std::string what = fmt::format("convert `{}` to {}", r_.string("convert"), name);
        return [=, attribute = target->name] { return make_convert(attribute, *to, what); };
    }

    const ObjectReader& r_;
    PlanContext& context_;
};

}  // namespace

config::Schema operation_schema() {
    using config::Type;
    return config::Schema("operation", "One change of a record.")
        .with(config::field("set", Type::kString)
                  .describe("The field that gets the value of `to`.")
                  .show("severity")
                  .elsewhere("Filebeat", {"fields"})
                  .elsewhere("Fluent Bit", {"add"}))
        .with(config::field("rename", Type::kString)
                  .describe("The attribute or label that gets the name in `to`.")
                  .show("lvl"))
        .with(config::list_of("remove", config::field("", Type::kString))
                  .between(1, 100)
                  .describe("Fields that are taken away.")
                  .show("[password, labels.pod]")
                  .elsewhere("Filebeat", {"drop"})
                  .elsewhere("Fluent Bit", {"remove_key"}))
        .with(config::field("convert", Type::kString)
                  .describe("The attribute that gets the type in `to`.")
                  .show("status"))
        .with(config::field("to", Type::kString)
                  .may_be_empty()
                  .between(0, kTemplateBytesMax)
                  .describe("The value, typed as in YAML, or a template such as "
                            "\"{{.method}} {{.path}}\"; the new name; or one of int, double, bool, "
                            "string, duration, bytes, time.")
                  .show("warn")
                  .elsewhere("other programs", {"value", "from"}))
        .with(condition_field("if").describe("Only records this LogQL condition selects."));
}

std::vector<PlannedOperation> plan_operations(const ObjectReader& r, PlanContext& context) {
    std::vector<PlannedOperation> planned;
    for (const ObjectReader& one : r.objects("operations")) {
        if (auto operation = Planner(one, context).plan()) {
            planned.push_back(std::move(*operation));
        }
    }
    return planned;
}

}  // namespace seyir::plugins

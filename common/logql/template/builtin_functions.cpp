// SPDX-License-Identifier: Apache-2.0
// eq, lt, not, len, index, slice, print, html, default, fromJson. `and` and `or` stop early, so
// they are in the executor and stand here for their number of arguments only.
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "common/json/reader.hpp"
#include "common/logql/template/functions.hpp"
#include "common/logql/template/printf.hpp"

namespace seyir::logql::tmpl {
namespace {

using ListPtr = std::shared_ptr<const List>;
using MapPtr = std::shared_ptr<const Map>;

// --- comparisons ---

Error incomparable() {
    return template_error("error calling comparison: incompatible types for comparison");
}

Result<bool> is_equal(const Value& left, const Value& right) {
    const auto same = equal(left, right);
    if (!same) {
        return incomparable();
    }
    return *same;
}

/// True when the first equals any of the others.
Result<Value> eq(Scope&, Arguments args) {
    for (size_t i = 1; i < args.size(); ++i) {
        SEYIR_TRY(const bool same, is_equal(args[0], args[i]));
        if (same) {
            return Value(true);
        }
    }
    return Value(false);
}

Result<Value> ne(Scope&, Arguments args) {
    SEYIR_TRY(const bool same, is_equal(args[0], args[1]));
    return Value(!same);
}

template <bool (*kHolds)(int)>
Result<Value> ordered(Scope&, Arguments args) {
    const auto order = compare(args[0], args[1]);
    if (!order) {
        return incomparable();
    }
    return Value(kHolds(*order));
}

bool is_less(int order) {
    return order < 0;
}

bool is_less_or_equal(int order) {
    return order <= 0;
}

bool is_greater(int order) {
    return order > 0;
}

bool is_greater_or_equal(int order) {
    return order >= 0;
}

Result<Value> negated(Scope&, Arguments args) {
    return Value(!is_true(args[0]));
}

Result<Value> last_of(Scope&, Arguments args) {
    return args.back();
}

// --- lists, maps and texts ---

Result<Value> len(Scope&, Arguments args) {
    if (const auto* text = std::get_if<std::string_view>(&args[0])) {
        return Value(static_cast<int64_t>(text->size()));
    }
    if (const auto* list = std::get_if<ListPtr>(&args[0])) {
        return Value(static_cast<int64_t>((*list)->items.size()));
    }
    if (const auto* map = std::get_if<MapPtr>(&args[0])) {
        return Value(static_cast<int64_t>((*map)->members.size()));
    }
    return template_error(fmt::format("error calling len: len of type {}", type_name(args[0])));
}

Result<Value> index_one(Scope& scope, const Value& item, const Value& key) {
    const auto* name = std::get_if<std::string_view>(&key);
    if (std::holds_alternative<Labels>(item) && name != nullptr) {
        return Value(scope.row().get_or_empty(*name));
    }
    if (const auto* map = std::get_if<MapPtr>(&item); map != nullptr && name != nullptr) {
        const Value* found = (*map)->find(*name);
        return found == nullptr ? Value() : *found;
    }
    const auto* place = std::get_if<int64_t>(&key);
    const auto* list = std::get_if<ListPtr>(&item);
    const auto* text = std::get_if<std::string_view>(&item);
    if (place == nullptr || (list == nullptr && text == nullptr)) {
        return template_error(fmt::format(
            "error calling index: cannot index {} with type {}", type_name(item), type_name(key)
        ));
    }
    const size_t size = list != nullptr ? (*list)->items.size() : text->size();
    if (*place < 0 || static_cast<uint64_t>(*place) >= size) {
        return template_error(fmt::format("error calling index: index out of range: {}", *place));
    }
    const auto at = static_cast<size_t>(*place);
    return list != nullptr ? (*list)->items[at]
                           : Value(static_cast<int64_t>(static_cast<uint8_t>((*text)[at])));
}

Result<Value> index(Scope& scope, Arguments args) {
    Value item = args[0];
    for (const Value& key : args.subspan(1)) {
        SEYIR_TRY(item, index_one(scope, item, key));
    }
    return item;
}

/// slice X FROM TO of a text or list.
Result<Value> slice(Scope& scope, Arguments args) {
    const auto* text = std::get_if<std::string_view>(&args[0]);
    const auto* list = std::get_if<ListPtr>(&args[0]);
    if (text == nullptr && list == nullptr) {
        return template_error(
            fmt::format("error calling slice: can't slice item of type {}", type_name(args[0]))
        );
    }
    const size_t size = text != nullptr ? text->size() : (*list)->items.size();
    const int64_t from = args.size() > 1 ? to_int(args[1]) : 0;
    const int64_t to = args.size() > 2 ? to_int(args[2]) : static_cast<int64_t>(size);
    if (from < 0 || to < from || static_cast<uint64_t>(to) > size) {
        return template_error(
            fmt::format("error calling slice: index out of range: {}:{}", from, to)
        );
    }
    const auto begin = static_cast<size_t>(from);
    const auto end = static_cast<size_t>(to);
    if (text != nullptr) {
        return Value(text->substr(begin, end - begin));
    }
    SEYIR_CHECK(scope.take_steps(end - begin));
    auto part = std::make_shared<List>();
    part->items.assign(
        (*list)->items.begin() + static_cast<ptrdiff_t>(begin),
        (*list)->items.begin() + static_cast<ptrdiff_t>(end)
    );
    return Value(ListPtr(std::move(part)));
}

/// default D X: D where X is empty.
Result<Value> or_default(Scope&, Arguments args) {
    return args.size() > 1 && is_true(args[1]) ? args[1] : args[0];
}

// --- printing ---

/// fmt.Sprint: a space between two that are no texts; fmt.Sprintln: between all.
template <bool kLine>
Result<Value> print(Scope& scope, Arguments args) {
    std::string out;
    for (size_t i = 0; i < args.size(); ++i) {
        const auto is_text = [&](size_t k) {
            return std::holds_alternative<std::string_view>(args[k]);
        };
        if (i > 0 && (kLine || (!is_text(i) && !is_text(i - 1)))) {
            out += ' ';
        }
        append_shown(out, scope, args[i]);
        SEYIR_CHECK(scope.take_steps(1));
    }
    out += kLine ? "\n" : "";
    return scope.text(out);
}

Result<Value> printf(Scope& scope, Arguments args) {
    SEYIR_TRY(
        const std::string out,
        format_printf(scope, std::get<std::string_view>(args[0]), args.subspan(1))
    );
    return scope.text(out);
}

Result<Value> html(Scope& scope, Arguments args) {
    std::string text;
    append_shown(text, scope, args[0]);
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&#34;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return scope.text(out);
}

// --- fromJson ---

Result<Value> from_view(Scope& scope, json::View view) {
    SEYIR_CHECK(scope.take_steps(1));
    switch (view.type()) {
        case json::Type::kNull:
            return Value();
        case json::Type::kBool:
            return Value(*view.boolean());
        case json::Type::kString:
            return scope.text(*view.string());
        case json::Type::kArray: {
            auto list = std::make_shared<List>();
            for (const json::View& element : view.elements()) {
                SEYIR_TRY(Value item, from_view(scope, element));
                list->items.push_back(std::move(item));
            }
            return Value(ListPtr(std::move(list)));
        }
        case json::Type::kObject: {
            // Of two with the same name the last counts, as in Go.
            std::map<std::string_view, Value> sorted;
            for (const auto& [key, member] : view.members()) {
                SEYIR_TRY(const Value name, scope.text(key));
                SEYIR_TRY(Value value, from_view(scope, member));
                sorted.insert_or_assign(std::get<std::string_view>(name), std::move(value));
            }
            auto map = std::make_shared<Map>();
            map->members.assign(sorted.begin(), sorted.end());
            return Value(MapPtr(std::move(map)));
        }
        default:
            return Value(view.number().value_or(0));
    }
}

/// Nil where the text is no JSON, as in sprig.
Result<Value> from_json(Scope& scope, Arguments args) {
    const auto text = std::get<std::string_view>(args[0]);
    SEYIR_CHECK(scope.take_bytes(text.size()));
    json::Document document;
    const auto view = document.parse(text);
    if (!view) {
        return Value();
    }
    return from_view(scope, *view);
}

constexpr std::array kFunctions{
    Function{"and", "aa*", last_of},
    Function{"or", "aa*", last_of},
    Function{"not", "a", negated},
    Function{"eq", "aaa*", eq},
    Function{"ne", "aa", ne},
    Function{"lt", "aa", ordered<is_less>},
    Function{"le", "aa", ordered<is_less_or_equal>},
    Function{"gt", "aa", ordered<is_greater>},
    Function{"ge", "aa", ordered<is_greater_or_equal>},
    Function{"len", "a", len},
    Function{"index", "aa*", index},
    Function{"slice", "aa?a?", slice},
    Function{"print", "a*", print<false>},
    Function{"println", "a*", print<true>},
    Function{"printf", "sa*", printf},
    Function{"html", "a", html},
    Function{"default", "aa*", or_default},
    Function{"fromJson", "s", from_json},
};

}  // namespace

std::span<const Function> builtin_functions() {
    return kFunctions;
}

}  // namespace seyir::logql::tmpl

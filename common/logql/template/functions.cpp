// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/functions.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include <fmt/format.h>

namespace seyir::logql::tmpl {
namespace {

using Table = std::unordered_map<std::string_view, const Function*>;

Table make_table() {
    Table table;
    for (const auto part :
         {text_functions(),
          regex_functions(),
          number_functions(),
          time_functions(),
          builtin_functions()}) {
        for (const Function& function : part) {
            table.emplace(function.name, &function);
        }
    }
    return table;
}

/// A function's types, one by one.
struct Signature {
    std::array<char, 8> letters{};
    size_t count = 0;
    size_t needed = 0;
    bool variadic = false;

    explicit Signature(std::string_view types) {
        for (const char c : types) {
            if (c == '*') {
                variadic = true;
                --needed;
            } else if (c == '?') {
                --needed;
            } else {
                letters[count++] = c;
                ++needed;
            }
        }
    }

    char letter(size_t i) const { return letters[std::min(i, count - 1)]; }
};

std::string_view wanted_type(char letter) {
    switch (letter) {
        case 's':
            return "string";
        case 'i':
            return "int";
        case 'f':
            return "float64";
        default:
            return "time.Time";
    }
}

bool fits(char letter, const Value& value) {
    switch (letter) {
        case 's':
            return std::holds_alternative<std::string_view>(value);
        case 'i':
            return std::holds_alternative<int64_t>(value);
        case 'f':
            return std::holds_alternative<double>(value) || std::holds_alternative<int64_t>(value);
        case 't':
            return std::holds_alternative<Moment>(value);
        default:
            return true;
    }
}

}  // namespace

Error template_error(std::string_view text) {
    return fail(ErrorCode::kInvalidArgument, std::string(text));
}

Result<void> Scope::take_bytes(size_t bytes) const {
    if (!row_.take_rendered(bytes)) {
        return template_error("templates wrote more than 4 MiB for this line");
    }
    return {};
}

Result<void> Scope::take_steps(size_t steps) const {
    if (!row_.take_steps(steps)) {
        return template_error(
            fmt::format("templates took more than {} steps for this line", kTemplateStepsMax)
        );
    }
    return {};
}

Result<Value> Scope::text(std::string_view text) {
    SEYIR_CHECK(take_bytes(text.size()));
    return Value(row_.scratch().copy(text));
}

const Function* find_function(std::string_view name) {
    static const Table kTable = make_table();
    const auto at = kTable.find(name);
    return at == kTable.end() ? nullptr : at->second;
}

Result<Value> call(Scope& scope, const Function& function, Arguments args, const Regex* regex) {
    const Signature signature(function.types);
    const bool enough = args.size() >= signature.needed;
    if (!enough || (!signature.variadic && args.size() > signature.count)) {
        const bool open = signature.variadic || signature.needed != signature.count;
        return template_error(fmt::format(
            "wrong number of args for {}: want {}{} got {}",
            function.name,
            open ? "at least " : "",
            signature.needed,
            args.size()
        ));
    }
    for (size_t i = 0; i < args.size(); ++i) {
        if (!fits(signature.letter(i), args[i])) {
            return template_error(
                args[i].is_nil()
                    ? fmt::format("invalid value; expected {}", wanted_type(signature.letter(i)))
                    : fmt::format(
                          "wrong type for value; expected {}; got {}",
                          wanted_type(signature.letter(i)),
                          type_name(args[i])
                      )
            );
        }
    }
    if (function.call_regex == nullptr) {
        return function.call(scope, args);
    }
    if (regex != nullptr) {
        return function.call_regex(scope, *regex, args);
    }
    constexpr size_t kStepsOfCompiling = 1000;
    SEYIR_CHECK(scope.take_steps(kStepsOfCompiling));
    SEYIR_TRY(const Regex compiled, Regex::compile(std::get<std::string_view>(args[0]), false));
    return function.call_regex(scope, compiled, args);
}

}  // namespace seyir::logql::tmpl

// SPDX-License-Identifier: Apache-2.0
// The functions of templates: Go's own, those of sprig that Loki offers, and Loki's.
// Threads: immutable table; a call uses the row of its Scope.
// Errors: kInvalidArgument with the text that goes into __error_details__.
// Limits: Scope::take_bytes and take_steps bound what a row's templates may make, all together.
// Spec: Grafana's reference of template functions; sprig v3; Go's text/template.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/result.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/template/value.hpp"
#include "common/logql/text/regex.hpp"

namespace seyir::logql::tmpl {

/// What a call may use: the row, and what is left of its budget.
class Scope {
  public:
    explicit Scope(ScratchRow& row) : row_(row) {}

    ScratchRow& row() { return row_; }

    /// A text kept until the row's next bind.
    Result<Value> text(std::string_view text);
    /// Call before making a text of `bytes`.
    Result<void> take_bytes(size_t bytes) const;
    Result<void> take_steps(size_t steps) const;

  private:
    ScratchRow& row_;
};

using Arguments = std::span<const Value>;

/// `types`: one letter an argument: s string, i int, f float64, t time, a anything; a `*` behind
/// the last: any number of it; `?`: it may be left out.
struct Function {
    std::string_view name;
    std::string_view types;
    Result<Value> (*call)(Scope& scope, Arguments args) = nullptr;
    /// Functions of a pattern: the pattern is the first argument, compiled.
    Result<Value> (*call_regex)(Scope& scope, const Regex& regex, Arguments args) = nullptr;
};

const Function* find_function(std::string_view name);

/// Checks number and types of arguments, then calls. `regex`: the first argument compiled, or null.
Result<Value> call(Scope& scope, const Function& function, Arguments args, const Regex* regex);

// The table's parts.
std::span<const Function> text_functions();
std::span<const Function> regex_functions();
std::span<const Function> number_functions();
std::span<const Function> time_functions();
std::span<const Function> builtin_functions();

Error template_error(std::string_view text);

}  // namespace seyir::logql::tmpl

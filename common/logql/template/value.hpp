// SPDX-License-Identifier: Apache-2.0
// Value: what a template computes with. Texts live in the row's scratch memory, in the template or
// in the batch; lists and maps come out of fromJson only.
// Threads: one owner.   Spec: Go's text/template and fmt, as far as these types go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace seyir::logql::tmpl {

/// A moment with the zone it is shown in.
struct Moment {
    int64_t seconds = 0;  ///< since 1970, UTC
    int32_t nanos = 0;
    int32_t offset_s = 0;  ///< east of Greenwich
    std::string zone = "UTC";

    bool operator==(const Moment&) const = default;
};

struct List;
struct Map;

/// The whole label set of the row: what `.` and `$` are at first.
struct Labels {};

struct Value : std::variant<
                   std::monostate,
                   bool,
                   int64_t,
                   double,
                   std::string_view,
                   Moment,
                   std::shared_ptr<const List>,
                   std::shared_ptr<const Map>,
                   Labels> {
    using variant::variant;

    bool is_nil() const { return std::holds_alternative<std::monostate>(*this); }
};

struct List {
    std::vector<Value> items;
};

/// Sorted by key.
struct Map {
    std::vector<std::pair<std::string_view, Value>> members;

    const Value* find(std::string_view key) const;
};

/// Not zero, "", false, nil or without members.
bool is_true(const Value& value);

/// "string", "int", "float64", ... for messages.
std::string_view type_name(const Value& value);

/// As fmt.Print shows it (%v).
void append_text(std::string& out, const Value& value);

/// Go's %v of a float64: shortest digits, exponents below 1e-4 and from 1e21 on.
void append_float(std::string& out, double value);

/// What sprig's casts make of anything: 0 where it is no number.
int64_t to_int(const Value& value);
double to_float(const Value& value);

/// -1, 0, 1 or nothing when the two kinds cannot be compared (or NaN).
std::optional<int> compare(const Value& left, const Value& right);
/// Nothing when the two kinds cannot be compared.
std::optional<bool> equal(const Value& left, const Value& right);

}  // namespace seyir::logql::tmpl

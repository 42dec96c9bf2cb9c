// SPDX-License-Identifier: Apache-2.0
// Document and View: a JSON text read whole, and a value in it. The parser picks the fastest
// instruction set of the machine at run time (simdjson).
// Threads: a Document is read by any number of threads; parsing needs one owner.
// Errors: kInvalidArgument with what is wrong; kTooLarge beyond depth 64.
// Limits: kDepthMax levels; 4 GiB of text; integers outside int64 and uint64 are refused.
// Ownership: Views and the strings they give live as long as their Document.   Spec: RFC 8259.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::json {

inline constexpr size_t kDepthMax = 64;

enum class Type { kNull, kBool, kInt64, kUint64, kDouble, kString, kArray, kObject };

class View {
  public:
    Type type() const;

    bool is_object() const { return type() == Type::kObject; }

    bool is_array() const { return type() == Type::kArray; }

    /// Nothing when it is of another type (or does not fit).
    std::optional<std::string_view> string() const;
    std::optional<int64_t> int64() const;
    std::optional<uint64_t> uint64() const;
    /// Any number.
    std::optional<double> number() const;
    std::optional<bool> boolean() const;

    /// The first member of that name; nothing when there is none or this is no object. O(members).
    std::optional<View> get(std::string_view name) const;

    /// Members in order, repeated names kept; elements in order. Empty for other types.
    std::vector<std::pair<std::string_view, View>> members() const;
    std::vector<View> elements() const;

    /// The same without making a vector; stops when `visit` gives false.
    void for_each_member(const std::function<bool(std::string_view, View)>& visit) const;
    void for_each_element(const std::function<bool(View)>& visit) const;

    /// A simdjson::dom::element, kept as bytes so that its header stays out of ours.
    using Handle = std::array<uint64_t, 2>;

    explicit View(Handle handle) : handle_(handle) {}

    const Handle& handle() const { return handle_; }

  private:
    Handle handle_;
};

class Document {
  public:
    Document();
    ~Document();
    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;

    /// Replaces what it held; the parser's memory is reused. The text is copied and not needed
    /// afterwards.
    Result<View> parse(std::string_view text);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Compact JSON of a value (for messages and for handing parts on).
std::string to_text(View value);

}  // namespace seyir::json

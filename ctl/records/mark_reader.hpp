// SPDX-License-Identifier: Apache-2.0
// MarkReader: the members of a mark (docs/format/export.md): each must be there, of its type.
// Threads: one owner.   Errors: parse() when it is no JSON object; is_whole() is false once a
// member was missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/json/reader.hpp"

namespace seyir::ctl {

class MarkReader {
  public:
    Result<void> parse(std::string_view text) {
        SEYIR_TRY(const json::View root, document_.parse(text));
        root_ = root;
        return {};
    }

    std::string text(std::string_view name) {
        return std::string(kept(name, &json::View::string).value_or(""));
    }

    /// "" also when it is not there: what older versions did not write.
    std::string text_if_any(std::string_view name) {
        const auto field = root_->get(name);
        const auto value = field ? field->string() : std::nullopt;
        return std::string(value.value_or(""));
    }

    uint64_t count(std::string_view name) { return kept(name, &json::View::uint64).value_or(0); }

    bool flag(std::string_view name) { return kept(name, &json::View::boolean).value_or(false); }

    bool is_whole() const { return is_whole_; }

  private:
    template <class Value>
    std::optional<Value> kept(
        std::string_view name, std::optional<Value> (json::View::*read)() const
    ) {
        const auto field = root_->get(name);
        const auto value = field ? ((*field).*read)() : std::nullopt;
        is_whole_ = is_whole_ && value.has_value();
        return value;
    }

    json::Document document_;
    std::optional<json::View> root_;
    bool is_whole_ = true;
};

}  // namespace seyir::ctl

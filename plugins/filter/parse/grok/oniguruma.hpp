// SPDX-License-Identifier: Apache-2.0
// OnigurumaReader: an expression in Oniguruma's syntax, piece by piece, in PCRE2's.
// Different there: \h is a hexadecimal digit, \u0023 a character; (?m) lets the dot match newlines;
// a class may hold classes; `x?*` is a quantifier of a quantifier. Room: plugins/filter/parse/grok.
// Threads: one owner.   Errors: none; PCRE2 judges what comes out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace seyir::plugins::parse {

class OnigurumaReader {
  public:
    explicit OnigurumaReader(std::string_view text) : text_(text) {}

    bool is_end() const { return at_ >= text_.size(); }

    size_t at() const { return at_; }

    /// Between %{ and }.
    std::optional<std::string_view> take_reference();
    /// Of "(?<name>".
    std::optional<std::string_view> take_group_name();
    /// One character, escape, class or option group opener.
    void translate_next(std::string& out);

  private:
    void translate_escape(std::string& out, bool in_class);
    void translate_class(std::string& out);
    void translate_options(std::string& out);

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace seyir::plugins::parse

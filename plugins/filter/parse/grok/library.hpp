// SPDX-License-Identifier: Apache-2.0
// Library: patterns by name, and what a grok expression expands to.
//   %{NAME}  %{NAME:field}  %{NAME:field:int}  %{NAME:[nested][field]}  (?<field>...)
// A nested field's name is its parts joined with `_`.
// Room: plugins/filter/parse/grok.   Threads: immutable once built.
// Errors: kInvalidArgument with the name that is unknown or refers to itself.
// Limits: expansions kExpandedBytesMax long and kExpandDepthMax deep.
// Spec: the syntax of Logstash's pattern files. They are written for Oniguruma; what it writes
// differently (\h, (?m), classes in classes) is translated to PCRE2's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "plugins/filter/parse/field_writer.hpp"

namespace seyir::plugins::parse {

inline constexpr size_t kExpandedBytesMax = 256 * 1024;
inline constexpr int kExpandDepthMax = 32;

struct Capture {
    std::string name;
    FieldType type = FieldType::kAsIs;
};

struct Expansion {
    std::string regex;  ///< PCRE2 syntax; group n + 1 is captures[n]
    std::vector<Capture> captures;
};

class Library {
  public:
    /// With the built-in patterns.
    Library();

    /// Replaces one of the same name.
    void define(std::string_view name, std::string_view pattern);

    /// A pattern file: a line each, NAME PATTERN; # and empty lines are comments.
    Result<void> add_file(std::string_view text);

    Result<Expansion> expand(std::string_view pattern) const;

    /// nullptr when there is none.
    const std::string* find(std::string_view name) const;

    std::vector<std::string> names() const;

  private:
    struct Reference;

    Result<void> append(Expansion& out, std::string_view pattern, int depth) const;
    Result<void> append_reference(Expansion& out, std::string_view inside, int depth) const;

    std::map<std::string, std::string, std::less<>> patterns_;
};

/// "[http][request][method]" -> "http_request_method".
std::string field_name(std::string_view text);

/// Of a built-in library, as a pattern file.
extern const std::string_view kBuiltinPatterns;

}  // namespace seyir::plugins::parse

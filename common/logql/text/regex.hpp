// SPDX-License-Identifier: Apache-2.0
// Regex: RE2 with LogQL's settings (dot matches newline, lines may be any bytes) and a literal
// prefilter. The only header that may include RE2 is regex.cpp.
// Threads: immutable after compile, thread-safe.
// Errors: kInvalidArgument with RE2's words (no position: the caller knows the place).
// Limits: kRegexMemoryMax a pattern.   Spec: RE2 syntax.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace re2 {
class RE2;
}

namespace seyir::logql {

inline constexpr int64_t kRegexMemoryMax = 8 << 20;

class Regex {
  public:
    /// `anchored`: the whole text must match (label matchers); else anywhere (line filters).
    static Result<Regex> compile(std::string_view pattern, bool anchored);

    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;
    ~Regex();

    bool matches(std::string_view text) const;
    /// Fills `groups` (index 0 = whole match) and returns true when it matches.
    bool captures(std::string_view text, std::vector<std::string_view>& groups) const;

    /// The first match at or behind `from`; ^ and \b see what stands before it.
    bool find_from(std::string_view text, size_t from, std::vector<std::string_view>& groups) const;

    /// Names by group index; "" where a group has none. [0] is the whole match.
    const std::vector<std::string>& group_names() const { return group_names_; }

    /// A substring every match contains; "" when none is known.
    const std::string& required_literal() const { return literal_; }

  private:
    Regex();

    std::unique_ptr<re2::RE2> utf8_;
    /// For texts that are not UTF-8, where an invalid byte must still be matched by `.`; null when
    /// the pattern itself has characters beyond ASCII.
    std::unique_ptr<re2::RE2> bytes_;
    std::vector<std::string> group_names_;
    std::string literal_;
    bool anchored_ = false;
};

/// Go's Regexp.Expand: $1, ${1}, $name, ${name}, $$; an unknown group is empty.
std::string expand_template(
    std::string_view text,
    const std::vector<std::string_view>& groups,
    const std::vector<std::string>& names
);

/// A literal that every match of the pattern contains, found without parsing everything: "" when
/// in doubt. Exposed for tests.
std::string required_literal(std::string_view pattern);

}  // namespace seyir::logql

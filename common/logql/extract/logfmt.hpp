// SPDX-License-Identifier: Apache-2.0
// LogfmtScanner: key=value pairs of a line, one at a time.
// Threads: one owner.   Errors: next() says kBad and goes on behind the broken pair.
// Spec: go-logfmt's grammar: keys end at `=` or a byte <= ' ', values may be quoted as in JSON.
#pragma once

#include <cstddef>
#include <string_view>

namespace seyir::logql {

class Scratch;

class LogfmtScanner {
  public:
    enum class Step { kPair, kBad, kEnd };

    LogfmtScanner(std::string_view line, Scratch& scratch) : line_(line), scratch_(scratch) {}

    Step next();

    std::string_view key() const { return key_; }

    /// Unescaped; "" for a key alone.
    std::string_view value() const { return value_; }

    /// What was wrong with the pair after kBad.
    std::string_view error() const { return error_; }

  private:
    Step bad(std::string_view what);
    Step quoted_value();
    bool key_is_broken() const;

    std::string_view line_;
    Scratch& scratch_;
    size_t at_ = 0;
    std::string_view key_, value_, error_;
};

}  // namespace seyir::logql

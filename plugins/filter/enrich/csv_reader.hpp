// SPDX-License-Identifier: Apache-2.0
// CsvReader: records of a comma-separated file, one by one.
// Threads: one at a time.   Ownership: borrows the text.
// Errors: kInvalidArgument with the line of a quote that is not closed or stands inside a field.
// Format: RFC 4180; lines end in LF or CRLF, also inside quotes; a byte order mark is skipped;
// empty lines are skipped; blanks belong to fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::plugins {

class CsvReader {
  public:
    explicit CsvReader(std::string_view text);

    /// False at the end.
    Result<bool> next(std::vector<std::string>& fields);

    /// Where the record read last begins, from 1.
    uint64_t line() const { return line_; }

  private:
    Result<std::string> field();
    Result<std::string> quoted_field();
    bool at_line_end() const;
    void skip_line_end();

    std::string_view text_;
    size_t at_ = 0;
    uint64_t line_ = 0;
    uint64_t next_line_ = 1;
};

}  // namespace seyir::plugins

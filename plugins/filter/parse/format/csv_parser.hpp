// SPDX-License-Identifier: Apache-2.0
// CsvParser: columns of a line by the names configured. A quoted value may hold the delimiter, and
// its quote twice; text behind the last named column is left out; columns that are missing give no
// fields, and neither do empty ones.
// Room: plugins/filter/parse.   Threads: one owner.   Spec: RFC 4180 within one record.
#pragma once

#include <string>
#include <vector>

#include "plugins/filter/parse/line_parser.hpp"
#include "plugins/filter/parse/options.hpp"

namespace seyir::plugins::parse {

class CsvParser final : public LineParser {
  public:
    explicit CsvParser(const CsvOptions& options);

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    bool take_quoted(Slice text, size_t& at, Arena& arena, Slice& value) const;

    std::vector<std::string> columns_;
    std::string header_;
    char delimiter_;
    char quote_;
};

}  // namespace seyir::plugins::parse

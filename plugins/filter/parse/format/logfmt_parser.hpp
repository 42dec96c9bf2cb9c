// SPDX-License-Identifier: Apache-2.0
// LogfmtParser: key=value pairs. Values may be quoted, with the escapes of JSON; a key alone is
// true. Values stay texts: `types` makes numbers of them.
// Room: plugins/filter/parse.   Threads: one owner.
// Errors: a quote inside a word, a value whose quote is not closed, `=` without a key; text without
// any pair.   Spec: the grammar of go-logfmt, keys end at `=` or a byte up to the space.
#pragma once

#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

class LogfmtParser final : public LineParser {
  public:
    std::optional<Miss> parse(Slice text, FieldWriter& out) override;
};

/// Cheap: the first word is key=.
bool looks_like_logfmt(Slice text);

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
// CriParser: "TIME STREAM TAG MESSAGE" as container runtimes write it. Fields: time, stream, logtag
// (F = full, P = partial, may be more behind `:`), message.
// Room: plugins/filter/parse.   Threads: one owner.   Errors: bad_cri.
// Spec: the container runtime interface's log format.
#pragma once

#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

class CriParser final : public LineParser {
  public:
    std::optional<Miss> parse(Slice text, FieldWriter& out) override;
};

bool looks_like_cri(Slice text);

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
// AutoParser: looks at the first bytes of each record and takes the format they speak for: json,
// syslog, cri, python_logging, clf, logfmt. A record of none is a miss, `no_format`.
// Room: plugins/filter/parse.   Threads: one owner.   Cost: some comparisons, no second attempt.
#pragma once

#include "plugins/filter/parse/format/clf_parser.hpp"
#include "plugins/filter/parse/format/cri_parser.hpp"
#include "plugins/filter/parse/format/json_parser.hpp"
#include "plugins/filter/parse/format/logfmt_parser.hpp"
#include "plugins/filter/parse/format/python_parser.hpp"
#include "plugins/filter/parse/format/syslog_parser.hpp"

namespace seyir::plugins::parse {

class AutoParser final : public LineParser {
  public:
    explicit AutoParser(Nested nested) : json_(nested), python_(nested) {}

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    LineParser* choose(Slice text);

    JsonParser json_;
    SyslogParser syslog_;
    CriParser cri_;
    PythonParser python_;
    ClfParser clf_;
    LogfmtParser logfmt_;
};

}  // namespace seyir::plugins::parse

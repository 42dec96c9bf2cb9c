// SPDX-License-Identifier: Apache-2.0
// SyslogParser: RFC 5424 with structured data, and RFC 3164 as programs really write it: the
// priority may be missing (files), the host too (local sockets), the time may be RFC 3339.
// Fields: facility, severity (words), time, host, appname, procid, msgid, message, and of
// structured data SDID_PARAMETER. `-` leaves its field out. Room: plugins/filter/parse.   Threads:
// one owner. Errors: bad_syslog.   Spec: RFC 5424, RFC 3164.
#pragma once

#include <string>

#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

class SyslogParser final : public LineParser {
  public:
    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    std::string name_;
};

/// Cheap: a priority in angle brackets, or a time of RFC 3164.
bool looks_like_syslog(Slice text);

}  // namespace seyir::plugins::parse

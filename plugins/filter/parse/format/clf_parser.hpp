// SPDX-License-Identifier: Apache-2.0
// ClfParser: access logs of web servers, by hand: common, combined, each also with a virtual host
// in front; text behind the last known field becomes `extra`.
// Fields: vhost client ident user time method path protocol (or request) status bytes referer
// user_agent extra; a lone `-` leaves its field out.
// Room: plugins/filter/parse.   Threads: one owner.
// Format: Apache's mod_log_config, "common" and "combined"; nginx's "combined".
#pragma once

#include "plugins/filter/parse/field_writer.hpp"
#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

struct ClfNames {
    FixedName vhost{"vhost"};
    FixedName client{"client"};
    FixedName ident{"ident"};
    FixedName user{"user"};
    FixedName time{"time"};
    FixedName request{"request"};
    FixedName method{"method"};
    FixedName path{"path"};
    FixedName protocol{"protocol"};
    FixedName status{"status"};
    FixedName bytes{"bytes"};
    FixedName referer{"referer"};
    FixedName user_agent{"user_agent"};
    FixedName extra{"extra"};
};

class ClfParser final : public LineParser {
  public:
    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    ClfNames names_;
};

/// Cheap: `[` of the time and a quoted request are where they belong.
bool looks_like_clf(Slice text);

}  // namespace seyir::plugins::parse

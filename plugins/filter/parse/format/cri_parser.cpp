// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/cri_parser.hpp"

#include "plugins/filter/parse/format/text_cursor.hpp"

namespace seyir::plugins::parse {

std::optional<Miss> CriParser::parse(Slice text, FieldWriter& out) {
    TextCursor in(text);
    const Slice time = in.until(' ');
    if (time.size() < 20 || time[4] != '-' || time[10] != 'T' || !in.take(' ')) {
        return Miss{"bad_cri", "a time of RFC 3339 is expected", 0};
    }
    const size_t stream_at = in.at();
    const Slice stream = in.until(' ');
    if ((stream != "stdout" && stream != "stderr") || !in.take(' ')) {
        return Miss{"bad_cri", "stdout or stderr is expected", stream_at};
    }
    const Slice tag = in.until(' ');
    if (tag.empty() || (tag[0] != 'F' && tag[0] != 'P')) {
        return Miss{"bad_cri", "the tag F or P is expected", in.at()};
    }
    in.take(' ');
    out.add_text("time", time);
    out.add_text("stream", stream);
    out.add_text("logtag", tag);
    out.add_text("message", in.rest());
    return std::nullopt;
}

bool looks_like_cri(Slice text) {
    if (text.size() < 29 || text[4] != '-' || text[10] != 'T') {
        return false;
    }
    const size_t space = text.substr(0, 40).find(' ');
    return space != Slice::npos && (text.substr(space + 1).starts_with("stdout ") ||
                                    text.substr(space + 1).starts_with("stderr "));
}

}  // namespace seyir::plugins::parse

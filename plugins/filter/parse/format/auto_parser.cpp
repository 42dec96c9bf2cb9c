// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/auto_parser.hpp"

namespace seyir::plugins::parse {

LineParser* AutoParser::choose(Slice text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == Slice::npos) {
        return nullptr;
    }
    if (text[first] == '{') {
        return &json_;
    }
    if (looks_like_syslog(text)) {
        return &syslog_;
    }
    if (looks_like_cri(text)) {
        return &cri_;
    }
    if (looks_like_python_log(text)) {
        return &python_;
    }
    if (looks_like_clf(text)) {
        return &clf_;
    }
    return looks_like_logfmt(text) ? &logfmt_ : nullptr;
}

std::optional<Miss> AutoParser::parse(Slice text, FieldWriter& out) {
    LineParser* const parser = choose(text);
    return parser != nullptr ? parser->parse(text, out)
                             : std::optional(Miss{"no_format", "none of the known formats", 0});
}

}  // namespace seyir::plugins::parse

// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/csv_parser.hpp"

#include <algorithm>

namespace seyir::plugins::parse {

CsvParser::CsvParser(const CsvOptions& options)
    : columns_(options.columns),
      header_(options.header),
      delimiter_(options.delimiter),
      quote_(options.quote) {
    if (!columns_.empty()) {
        return;
    }
    Arena arena;
    for (size_t at = 0; at <= header_.size();) {
        Slice name;
        if (at < header_.size() && header_[at] == quote_ && quote_ != '\0' &&
            take_quoted(header_, at, arena, name)) {
            columns_.emplace_back(name);
        } else {
            const size_t end = std::min(header_.find(delimiter_, at), header_.size());
            columns_.emplace_back(header_.substr(at, end - at));
            at = end;
        }
        ++at;
    }
}

/// `at` is on the opening quote; afterwards behind the closing one. False: it is not closed.
bool CsvParser::take_quoted(Slice text, size_t& at, Arena& arena, Slice& value) const {
    const size_t begin = at + 1;
    size_t close = text.find(quote_, begin);
    bool has_quotes = false;
    while (close != Slice::npos && close + 1 < text.size() && text[close + 1] == quote_) {
        has_quotes = true;
        close = text.find(quote_, close + 2);
    }
    if (close == Slice::npos) {
        return false;
    }
    value = text.substr(begin, close - begin);
    at = close + 1;
    if (has_quotes) {
        char* const copy = arena.allocate(value.size());
        char* to = copy;
        for (size_t i = 0; i < value.size(); ++i) {
            *to++ = value[i];
            i += value[i] == quote_ ? 1 : 0;
        }
        value = {copy, static_cast<size_t>(to - copy)};
    }
    return true;
}

std::optional<Miss> CsvParser::parse(Slice text, FieldWriter& out) {
    if (!header_.empty() && text == header_) {
        return std::nullopt;
    }
    size_t at = 0;
    for (const std::string& column : columns_) {
        Slice value;
        if (at < text.size() && text[at] == quote_ && quote_ != '\0') {
            const size_t quote = at;
            if (!take_quoted(text, at, out.arena(), value)) {
                return Miss{"bad_csv", "a quote is not closed", quote};
            }
            if (at < text.size() && text[at] != delimiter_) {
                return Miss{"bad_csv", "text between a closing quote and the delimiter", at};
            }
        } else {
            const size_t end = std::min(text.find(delimiter_, at), text.size());
            value = text.substr(at, end - at);
            at = end;
        }
        if (!value.empty() && !column.empty()) {
            out.add_text(column, value);
        }
        if (at == text.size()) {
            break;
        }
        ++at;
    }
    return out.added() != 0 ? std::nullopt
                            : std::optional(Miss{"bad_csv", "no column has a value", 0});
}

}  // namespace seyir::plugins::parse

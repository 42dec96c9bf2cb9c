// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/enrich/csv_reader.hpp"

#include <fmt/format.h>

namespace seyir::plugins {

CsvReader::CsvReader(std::string_view text) : text_(text) {
    at_ = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

bool CsvReader::at_line_end() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && text_.substr(at_).starts_with("\r\n"));
}

void CsvReader::skip_line_end() {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++next_line_;
}

Result<bool> CsvReader::next(std::vector<std::string>& fields) {
    fields.clear();
    while (at_ < text_.size() && at_line_end()) {
        skip_line_end();
    }
    if (at_ >= text_.size()) {
        return false;
    }
    line_ = next_line_;
    while (true) {
        SEYIR_TRY(std::string one, field());
        fields.push_back(std::move(one));
        if (at_ >= text_.size()) {
            return true;
        }
        if (text_[at_] != ',') {
            skip_line_end();
            return true;
        }
        ++at_;
    }
}

Result<std::string> CsvReader::field() {
    if (at_ < text_.size() && text_[at_] == '"') {
        return quoted_field();
    }
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && !at_line_end()) {
        if (text_[at_] == '"') {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("line {}: a quote inside a field without quotes", line_)
            );
        }
        ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
}

Result<std::string> CsvReader::quoted_field() {
    std::string out;
    ++at_;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c != '"') {
            next_line_ += c == '\n' ? 1 : 0;
            out += c;
            continue;
        }
        if (at_ < text_.size() && text_[at_] == '"') {
            out += '"';
            ++at_;
            continue;
        }
        if (at_ < text_.size() && text_[at_] != ',' && !at_line_end()) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("line {}: text behind a closing quote", line_)
            );
        }
        return out;
    }
    return fail(
        ErrorCode::kInvalidArgument, fmt::format("line {}: a quote that is not closed", line_)
    );
}

}  // namespace seyir::plugins

// SPDX-License-Identifier: Apache-2.0
#include "common/logql/extract/logfmt.hpp"

#include "common/logql/extract/json_reader.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql {
namespace {

bool is_gap(char c) {
    return static_cast<unsigned char>(c) <= ' ';
}

}  // namespace

LogfmtScanner::Step LogfmtScanner::bad(std::string_view what) {
    error_ = what;
    while (at_ < line_.size() && !is_gap(line_[at_])) {
        ++at_;
    }
    return Step::kBad;
}

bool LogfmtScanner::key_is_broken() const {
    return !is_valid_utf8(key_) || contains(key_, "\xef\xbf\xbd");
}

LogfmtScanner::Step LogfmtScanner::next() {
    key_ = value_ = {};
    while (at_ < line_.size() && is_gap(line_[at_])) {
        ++at_;
    }
    if (at_ == line_.size()) {
        return Step::kEnd;
    }
    const size_t begin = at_;
    while (at_ < line_.size() && !is_gap(line_[at_]) && line_[at_] != '=' && line_[at_] != '"') {
        ++at_;
    }
    key_ = line_.substr(begin, at_ - begin);
    if (at_ < line_.size() && line_[at_] == '"') {
        return bad("unexpected '\"'");
    }
    if (key_.empty()) {
        return bad("unexpected '='");
    }
    if (key_is_broken()) {
        return bad("invalid key");
    }
    if (at_ == line_.size() || is_gap(line_[at_])) {
        return Step::kPair;
    }
    ++at_;  // '='
    if (at_ == line_.size() || is_gap(line_[at_])) {
        return Step::kPair;
    }
    if (line_[at_] == '"') {
        return quoted_value();
    }
    const size_t value_begin = at_;
    while (at_ < line_.size() && !is_gap(line_[at_])) {
        if (line_[at_] == '=' || line_[at_] == '"') {
            return bad(line_[at_] == '=' ? "unexpected '='" : "unexpected '\"'");
        }
        ++at_;
    }
    value_ = clean_utf8(line_.substr(value_begin, at_ - value_begin), scratch_);
    return Step::kPair;
}

LogfmtScanner::Step LogfmtScanner::quoted_value() {
    const size_t begin = ++at_;
    while (at_ < line_.size() && line_[at_] != '"') {
        at_ += line_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= line_.size()) {
        at_ = line_.size();
        return bad("unterminated quoted value");
    }
    const auto value = unescape_json(line_.substr(begin, at_ - begin), scratch_);
    ++at_;
    if (!value) {
        return bad("invalid quoted value");
    }
    value_ = *value;
    return Step::kPair;
}

}  // namespace seyir::logql

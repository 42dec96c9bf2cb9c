// SPDX-License-Identifier: Apache-2.0
#include "common/json/writer.hpp"

#include <cmath>

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::json {

void Writer::separate() {
    if (needs_comma_) {
        out_ += ',';
    }
    needs_comma_ = true;
}

void Writer::open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
}

void Writer::close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
}

void Writer::key(std::string_view name) {
    separate();
    append_json_quoted(out_, name);
    out_ += ':';
    needs_comma_ = false;
}

void Writer::string(std::string_view text) {
    separate();
    append_json_quoted(out_, text);
}

void Writer::int64(int64_t value) {
    separate();
    out_ += fmt::format_int(value).c_str();
}

void Writer::uint64(uint64_t value) {
    separate();
    out_ += fmt::format_int(value).c_str();
}

void Writer::number(double value) {
    separate();
    out_ += std::isfinite(value) ? fmt::format("{}", value) : "null";
}

void Writer::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
}

void Writer::null() {
    separate();
    out_ += "null";
}

void Writer::raw(std::string_view json) {
    separate();
    out_ += json;
}

}  // namespace seyir::json

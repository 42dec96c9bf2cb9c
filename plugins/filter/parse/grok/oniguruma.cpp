// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/grok/oniguruma.hpp"

namespace seyir::plugins::parse {

std::optional<std::string_view> OnigurumaReader::take_reference() {
    if (!text_.substr(at_).starts_with("%{")) {
        return std::nullopt;
    }
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view inside = text_.substr(at_ + 2, end - at_ - 2);
    at_ = end + 1;
    return inside;
}

std::optional<std::string_view> OnigurumaReader::take_group_name() {
    const std::string_view rest = text_.substr(at_);
    size_t begin = 0;
    if (rest.starts_with("(?P<")) {
        begin = 4;
    } else if (rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' && rest[3] != '!') {
        begin = 3;
    } else {
        return std::nullopt;
    }
    const size_t end = rest.find('>');
    if (end == std::string_view::npos || end == begin) {
        return std::nullopt;
    }
    at_ += end + 1;
    return rest.substr(begin, end - begin);
}

void OnigurumaReader::translate_next(std::string& out) {
    const char c = text_[at_];
    if (c == '\\') {
        translate_escape(out, false);
    } else if (c == '[') {
        translate_class(out);
    } else if (text_.substr(at_).starts_with("(?")) {
        translate_options(out);
    } else if (text_.substr(at_).starts_with("?*")) {
        out += '*';  // a quantifier of a quantifier, which PCRE2 does not take
        at_ += 2;
    } else {
        out += c;
        ++at_;
    }
}

void OnigurumaReader::translate_escape(std::string& out, bool in_class) {
    if (at_ + 1 >= text_.size()) {
        out += text_[at_++];
        return;
    }
    const char escaped = text_[at_ + 1];
    at_ += 2;
    if (escaped == 'h') {
        out += in_class ? "0-9A-Fa-f" : "[0-9A-Fa-f]";
    } else if (escaped == 'H' && !in_class) {
        out += "[^0-9A-Fa-f]";
    } else if (escaped == 'u' && at_ + 4 <= text_.size()) {
        out += "\\x{" + std::string(text_.substr(at_, 4)) + "}";
        at_ += 4;
    } else {
        out += '\\';
        out += escaped;
    }
}

/// A class within one is its members: right for what is not negated, which nobody writes.
void OnigurumaReader::translate_class(std::string& out) {
    int depth = 0;
    bool at_start = false;
    while (!is_end()) {
        const char c = text_[at_];
        const std::string_view rest = text_.substr(at_);
        if (c == '\\') {
            translate_escape(out, true);
            at_start = false;
            continue;
        }
        if (c == '[' && rest.starts_with("[:")) {
            const size_t end = rest.find(":]");
            if (end != std::string_view::npos) {
                out += rest.substr(0, end + 2);
                at_ += end + 2;
                at_start = false;
                continue;
            }
        }
        ++at_;
        if (c == '[') {
            out += depth == 0 ? "[" : "";
            at_start = depth == 0;
            ++depth;
            if (depth == 1 && !is_end() && text_[at_] == '^') {
                out += '^';
                ++at_;
            }
            continue;
        }
        if (c == ']' && !at_start) {
            if (--depth == 0) {
                out += ']';
                return;
            }
            continue;
        }
        out += c;
        at_start = false;
    }
}

/// "(?m-i:", "(?m)": m is s here. Others pass as they are.
void OnigurumaReader::translate_options(std::string& out) {
    const size_t end = text_.find_first_not_of("imx-", at_ + 2);
    const bool is_options =
        end != std::string_view::npos && end > at_ + 2 && (text_[end] == ':' || text_[end] == ')');
    if (!is_options) {
        out += "(?";
        at_ += 2;
        return;
    }
    out += "(?";
    for (at_ += 2; at_ < end; ++at_) {
        out += text_[at_] == 'm' ? 's' : text_[at_];
    }
}

}  // namespace seyir::plugins::parse

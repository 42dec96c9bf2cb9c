// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/canonical.hpp"

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

struct Unescaped {
    size_t length = 0;
    unsigned code = 0;
};

/// The escape at `at`, with all of its backslashes; length 0 = none.
Unescaped unescape(std::string_view text, size_t at) {
    size_t i = at;
    while (has_at(text, i, '\\')) {
        ++i;
    }
    size_t digits = 0;
    if (i != at && has_at(text, i, 'u')) {
        digits = 4;
    } else if ((i != at && has_at(text, i, 'x')) || (i == at && has_at(text, i, '%'))) {
        digits = 2;
    }
    Unescaped out;
    for (size_t d = 1; d <= digits; ++d) {
        if (!is_at(text, i + d, kHex)) {
            return {};
        }
        out.code = out.code * 16 + static_cast<unsigned>(hex_value(text[i + d]));
    }
    out.length = digits == 0 ? 0 : i + 1 + digits - at;
    return out;
}

void email(std::string_view found, std::string& out) {
    for (size_t i = 0; i < found.size();) {
        const Unescaped escape = unescape(found, i);
        if (escape.length != 0 && escape.code < 0x80) {
            out += lower(static_cast<char>(escape.code));
            i += escape.length;
        } else {
            out += lower(found[i++]);
        }
    }
}

void digits_only(std::string_view found, std::string& out) {
    if (const auto number = expand_float(found, {0, 1})) {
        out += number->text();
        return;
    }
    for (size_t i = 0; i < found.size();) {
        const Unescaped escape = unescape(found, i);
        if (escape.length != 0) {
            i += escape.length;
        } else if (is(found[i], kDigit)) {
            out += found[i++];
        } else {
            ++i;
        }
    }
}

void phone(std::string_view found, std::string& out) {
    constexpr size_t kTurkishDigits = 10;
    digits_only(found, out);
    const bool has_plus = found[0] == '+' || found[0] == '%' || found[0] == '\\';
    if (!has_plus && out.size() >= kTurkishDigits) {
        out = "90" + out.substr(out.size() - kTurkishDigits);
    }
    out.insert(0, 1, '+');
}

void iban(std::string_view found, std::string& out) {
    for (size_t i = 0; i < found.size();) {
        if (const size_t gap = separator_at(found, i); gap != 0) {
            i += gap;
        } else {
            out += upper(found[i++]);
        }
    }
}

}  // namespace

void make_canonical(std::string_view found, Rule rule, std::string& out) {
    out.clear();
    switch (rule) {
        case Rule::kEmail:
            return email(found, out);
        case Rule::kPhone:
            return phone(found, out);
        case Rule::kIban:
            return iban(found, out);
        case Rule::kCard:
        case Rule::kTckn:
            return digits_only(found, out);
        case Rule::kIp:
            for (const char c : found) {
                out += lower(c);
            }
            return;
        case Rule::kJwt:
        case Rule::kCustom:
            out = found;
            return;
    }
}

}  // namespace seyir::plugins::redact

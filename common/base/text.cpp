// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace seyir {
namespace {

/// Length of the well-formed UTF-8 sequence at `p` (RFC 3629, table of Unicode 3-7), or 0; then
/// `bad` is the length of the maximal ill-formed part.
size_t utf8_sequence(const unsigned char* p, size_t n, size_t& bad) {
    const unsigned char b = p[0];
    bad = 1;
    size_t need = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) {
        need = 1;
    } else if (b >= 0xe0 && b <= 0xef) {
        need = 2;
        low = b == 0xe0 ? 0xa0 : 0x80;
        high = b == 0xed ? 0x9f : 0xbf;
    } else if (b >= 0xf0 && b <= 0xf4) {
        need = 3;
        low = b == 0xf0 ? 0x90 : 0x80;
        high = b == 0xf4 ? 0x8f : 0xbf;
    } else {
        return b < 0x80 ? 1 : 0;
    }
    for (size_t i = 1; i <= need; ++i) {
        if (i >= n || p[i] < low || p[i] > high) {
            bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return need + 1;
}

void append_escape(std::string& out, unsigned char c) {
    static constexpr char kHex[] = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            out += "\\u00";
            out += kHex[c >> 4];
            out += kHex[c & 15];
    }
}

}  // namespace

void append_json_quoted(std::string& out, std::string_view text) {
    const auto* p = reinterpret_cast<const unsigned char*>(text.data());
    const size_t n = text.size();
    out += '"';
    size_t i = 0;
    while (i < n) {
        size_t plain = i;
        while (plain < n && p[plain] >= 0x20 && p[plain] < 0x80 && p[plain] != '"' &&
               p[plain] != '\\') {
            ++plain;
        }
        out.append(text.data() + i, plain - i);
        i = plain;
        if (i == n) {
            break;
        }
        if (p[i] < 0x80) {
            append_escape(out, p[i]);
            ++i;
            continue;
        }
        size_t bad = 0;
        const size_t good = utf8_sequence(p + i, n - i, bad);
        if (good == 0) {
            out += "\xef\xbf\xbd";
            i += bad;
        } else {
            out.append(text.data() + i, good);
            i += good;
        }
    }
    out += '"';
}

std::string json_quote(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_json_quoted(out, text);
    return out;
}

bool is_utf8(std::string_view text) {
    const auto* p = reinterpret_cast<const unsigned char*>(text.data());
    for (size_t i = 0; i < text.size();) {
        size_t bad = 0;
        const size_t good = utf8_sequence(p + i, text.size() - i, bad);
        if (good == 0) {
            return false;
        }
        i += good;
    }
    return true;
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
        for (size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

std::optional<std::string_view> did_you_mean(
    std::string_view word, std::span<const std::string_view> candidates
) {
    constexpr size_t kWordMax = 64;  // the table is quadratic; nobody misspells longer keys by 2
    std::optional<std::string_view> best;
    size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
    if (word.size() > kWordMax) {
        return best;
    }
    for (std::string_view candidate : candidates) {
        if (candidate.size() > kWordMax) {
            continue;
        }
        const size_t distance = edit_distance(word, candidate);
        // Half of a word of four letters changed is another word: `tokn` is not `join`.
        const size_t longer = std::max(word.size(), candidate.size());
        if (distance < best_distance && distance < std::max<size_t>(2, (longer + 1) / 2)) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace seyir

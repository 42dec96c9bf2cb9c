// SPDX-License-Identifier: Apache-2.0
// E-mail addresses and JSON Web Tokens.
#include <algorithm>
#include <array>

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

constexpr size_t kTopLevelMin = 2;

// Template units of systemd look like addresses: getty@tty1.service.
constexpr std::string_view kUnitSuffixes[] = {
    "service",
    "socket",
    "timer",
    "slice",
    "scope",
    "mount",
    "automount",
    "swap",
    "target",
    "device",
};

bool is_local_code(unsigned code) {
    return code >= 0x80 || is(static_cast<char>(code), kLocal);
}

unsigned hex_code(std::string_view digits) {
    unsigned code = 0;
    for (const char c : digits) {
        code = code * 16 + static_cast<unsigned>(hex_value(c));
    }
    return code;
}

bool all_hex(std::string_view text, size_t at, size_t count) {
    for (size_t i = at; i < at + count; ++i) {
        if (!is_at(text, i, kHex)) {
            return false;
        }
    }
    return true;
}

struct Escape {
    size_t length = 0;  ///< 0: what stands here is no escape
    bool is_local = false;
};

/// The escape that begins at `at`, a backslash or percent sign.
Escape read_escape(std::string_view text, size_t at) {
    if (text[at] == '%') {
        return all_hex(text, at + 1, 2) ? Escape{3, is_local_code(hex_code(text.substr(at + 1, 2)))}
                                        : Escape{};
    }
    if (has_at(text, at + 1, 'u') && all_hex(text, at + 2, 4)) {
        return {6, is_local_code(hex_code(text.substr(at + 2, 4)))};
    }
    if (has_at(text, at + 1, 'x') && all_hex(text, at + 2, 2)) {
        return {4, is_local_code(hex_code(text.substr(at + 2, 2)))};
    }
    constexpr std::string_view kLetters = "nrtbf";
    const bool is_letter = at + 1 < text.size() && kLetters.find(text[at + 1]) != kLetters.npos;
    return {is_letter ? 2U : 0U, false};
}

/// Where the part before the sign begins; `at` when there is none.
size_t local_begin(std::string_view text, size_t at, size_t from) {
    size_t begin = at;
    while (begin > from) {
        const char c = text[begin - 1];
        if (is(c, kLocal)) {
            --begin;
            continue;
        }
        if (c != '\\' && c != '%') {
            break;
        }
        const Escape escape = read_escape(text, begin - 1);
        if (!escape.is_local) {
            begin = std::min(at, begin - 1 + escape.length + (escape.length == 0 ? 1 : 0));
            break;
        }
        --begin;
        while (begin > from && text[begin - 1] == '\\') {
            --begin;
        }
    }
    return begin;
}

bool is_unit_suffix(std::string_view name) {
    return std::ranges::find(kUnitSuffixes, name) != std::end(kUnitSuffixes);
}

/// The end of the longest host name whose last label is letters, two at least; `at` when none.
size_t domain_end(std::string_view text, size_t at) {
    size_t end = at;
    size_t label = at;
    bool is_first = true;
    while (true) {
        size_t letters = label;
        while (is_at(text, letters, kLetter)) {
            ++letters;
        }
        size_t stop = letters;
        while (is_at(text, stop, kDomain)) {
            ++stop;
        }
        if (stop == label) {
            return end;
        }
        const bool is_word_end = !is_at(text, letters, kDigit) && !has_at(text, letters, '_');
        const bool is_punycode = text.substr(label).starts_with("xn--");
        if (!is_first && letters - label >= kTopLevelMin && is_word_end &&
            !is_unit_suffix(text.substr(label, letters - label))) {
            end = letters;
        }
        if (!is_first && is_punycode) {
            end = stop;
        }
        if (!has_at(text, stop, '.')) {
            return end;
        }
        label = stop + 1;
        is_first = false;
    }
}

// `"alg"` in base64 at each of the three places in a group of four characters.
constexpr std::string_view kAlgs[] = {"ImFsZy", "JhbGci", "iYWxnI"};

size_t last_alg(std::string_view run) {
    size_t last = std::string_view::npos;
    for (const std::string_view alg : kAlgs) {
        const size_t at = run.rfind(alg);
        if (at != std::string_view::npos && (last == std::string_view::npos || at > last)) {
            last = at;
        }
    }
    return last;
}

size_t base64_end(std::string_view text, size_t at) {
    while (is_at(text, at, kBase64Url)) {
        ++at;
    }
    return at;
}

}  // namespace

std::optional<Range> find_email(std::string_view text, size_t at, size_t after, size_t from) {
    const size_t begin = local_begin(text, at, from);
    if (begin == at) {
        return std::nullopt;
    }
    const size_t end = domain_end(text, after);
    if (end == after) {
        return std::nullopt;
    }
    return Range{begin, end};
}

std::optional<Range> JwtFinder::find(std::string_view text, size_t at) {
    if (!begins_word(text, at)) {
        return std::nullopt;
    }
    if (at >= run_end_) {
        run_end_ = base64_end(text, at);
        last_alg_ = last_alg(text.substr(at, run_end_ - at));
        last_alg_ += last_alg_ == std::string_view::npos ? 0 : at;
    }
    if (last_alg_ == std::string_view::npos || last_alg_ < at || !has_at(text, run_end_, '.')) {
        return std::nullopt;
    }
    // Signed: header.payload.signature; encrypted: five parts; a token cut off in the log: two.
    constexpr int kPartsMax = 5;
    size_t end = run_end_;
    for (int part = 1; part < kPartsMax && has_at(text, end, '.'); ++part) {
        const size_t next = base64_end(text, end + 1);
        const bool is_empty_key = next == end + 1 && part == 1 && has_at(text, next, '.');
        if (next == end + 1 && !is_empty_key) {
            break;
        }
        end = next;
    }
    if (end <= run_end_ + 1) {
        return std::nullopt;
    }
    return Range{at, end};
}

}  // namespace seyir::plugins::redact

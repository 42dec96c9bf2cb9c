// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/runes.hpp"

#include <algorithm>
#include <array>

namespace seyir::logql::tmpl {
namespace {

uint32_t decode(std::string_view character) {
    const auto byte = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(character[i]));
    };
    switch (character.size()) {
        case 2:
            return ((byte(0) & 0x1f) << 6) | (byte(1) & 0x3f);
        case 3:
            return ((byte(0) & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f);
        case 4:
            return ((byte(0) & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) |
                   (byte(3) & 0x3f);
        default:
            return byte(0);
    }
}

void encode(std::string& out, uint32_t rune) {
    if (rune < 0x80) {
        out += static_cast<char>(rune);
    } else if (rune < 0x800) {
        out += static_cast<char>(0xc0 | (rune >> 6));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | (rune >> 12));
        out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    }
}

/// Lower-case letters [first, last] and how far above their upper-case forms they stand.
struct Shifted {
    uint32_t first, last, distance;
};

constexpr std::array kShifted{
    Shifted{0xe0, 0xf6, 32},
    Shifted{0xf8, 0xfe, 32},
    Shifted{0x3b1, 0x3c1, 32},
    Shifted{0x3c3, 0x3cb, 32},
    Shifted{0x3ac, 0x3ac, 38},
    Shifted{0x3ad, 0x3af, 37},
    Shifted{0x3cc, 0x3cc, 64},
    Shifted{0x3cd, 0x3ce, 63},
    Shifted{0x430, 0x44f, 32},
    Shifted{0x450, 0x45f, 80},
    Shifted{0x561, 0x586, 48},
    Shifted{0xff41, 0xff5a, 32},
};

/// Upper and lower case take turns; the range begins with an upper-case letter.
struct Pairs {
    uint32_t first, last;
};

constexpr std::array kPairs{
    Pairs{0x100, 0x12f},
    Pairs{0x132, 0x137},
    Pairs{0x139, 0x148},
    Pairs{0x14a, 0x177},
    Pairs{0x179, 0x17e},
    Pairs{0x460, 0x481},
    Pairs{0x48a, 0x4bf},
    Pairs{0x4d0, 0x52f},
    Pairs{0x1e00, 0x1e95},
    Pairs{0x1ea0, 0x1eff},
};

uint32_t upper(uint32_t rune) {
    switch (rune) {
        case 0xb5:  // micro sign
            return 0x39c;
        case 0xff:
            return 0x178;
        case 0x131:  // dotless i
            return 'I';
        case 0x3c2:  // final sigma
            return 0x3a3;
        default:
            break;
    }
    for (const Shifted& range : kShifted) {
        if (rune >= range.first && rune <= range.last) {
            return rune - range.distance;
        }
    }
    for (const Pairs& range : kPairs) {
        if (rune >= range.first && rune <= range.last) {
            return rune - ((rune - range.first) & 1);
        }
    }
    return rune;
}

uint32_t lower(uint32_t rune) {
    if (rune == 0x178) {
        return 0xff;
    }
    if (rune == 0x130) {  // I with dot above
        return 'i';
    }
    for (const Shifted& range : kShifted) {
        if (rune >= range.first - range.distance && rune <= range.last - range.distance) {
            return rune + range.distance;
        }
    }
    for (const Pairs& range : kPairs) {
        if (rune >= range.first && rune <= range.last) {
            return rune + 1 - ((rune - range.first) & 1);
        }
    }
    return rune;
}

template <class Change>
void append_changed(std::string& out, std::string_view character, bool to_upper, Change change) {
    const auto byte = static_cast<uint8_t>(character[0]);
    if (byte < 0x80) {
        const bool letter = to_upper ? byte >= 'a' && byte <= 'z' : byte >= 'A' && byte <= 'Z';
        out += static_cast<char>(letter ? byte ^ 0x20 : byte);
    } else if (character.size() == 1 || character.size() == 4) {
        out += character;
    } else {
        encode(out, change(decode(character)));
    }
}

}  // namespace

size_t rune_size(std::string_view text) {
    const auto lead = static_cast<uint8_t>(text[0]);
    const size_t size = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
    if (size > text.size()) {
        return 1;
    }
    for (size_t i = 1; i < size; ++i) {
        if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) {
            return 1;
        }
    }
    return size;
}

size_t count_runes(std::string_view text) {
    size_t count = 0;
    for (; !text.empty(); ++count) {
        text.remove_prefix(rune_size(text));
    }
    return count;
}

size_t rune_offset(std::string_view text, size_t n) {
    size_t at = 0;
    while (n-- > 0 && at < text.size()) {
        at += rune_size(text.substr(at));
    }
    return at;
}

void append_lower(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const size_t size = rune_size(text);
        append_changed(out, text.substr(0, size), false, lower);
        text.remove_prefix(size);
    }
}

void append_upper(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const size_t size = rune_size(text);
        append_changed(out, text.substr(0, size), true, upper);
        text.remove_prefix(size);
    }
}

void append_title(std::string& out, std::string_view text) {
    bool at_start = true;
    while (!text.empty()) {
        const size_t size = rune_size(text);
        const std::string_view character = text.substr(0, size);
        if (at_start) {
            append_upper(out, character);
        } else {
            out += character;
        }
        const char c = character[0];
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || static_cast<uint8_t>(c) >= 0x80;
        at_start = !word;
        text.remove_prefix(size);
    }
}

}  // namespace seyir::logql::tmpl

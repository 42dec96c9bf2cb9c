// SPDX-License-Identifier: Apache-2.0
#include "common/record/level.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace seyir {
namespace {

constexpr size_t kNameBytesMax = 14;
constexpr size_t kWordBytesMin = 3;
constexpr size_t kWordBytesMax = 8;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_folded(std::string_view text, std::string_view folded) {
    return std::ranges::equal(text, folded, [](char a, char b) { return lower(a) == b; });
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr auto kLetters = [] {
    std::array<bool, 256> letters{};
    for (int c = 'a'; c <= 'z'; ++c) {
        letters[static_cast<size_t>(c)] = true;
        letters[static_cast<size_t>(c - 32)] = true;
    }
    return letters;
}();

bool is_letter(char c) {
    return kLetters[static_cast<uint8_t>(c)];
}

/// Numbers as pino and bunyan write them (30 = info) or as GELF does (syslog's 0 to 7).
SeverityNumber level_of_number(std::string_view text) {
    constexpr std::array<SeverityNumber, 8> kSyslog{
        24,
        22,
        22,
        kSeverityError,
        kSeverityWarn,
        10,
        kSeverityInfo,
        kSeverityDebug,
    };
    if (text.size() == 1 && text[0] <= '7') {
        return kSyslog[static_cast<size_t>(text[0] - '0')];
    }
    if (text.size() == 2 && text[1] == '0' && text[0] >= '1' && text[0] <= '6') {
        return static_cast<SeverityNumber>((text[0] - '1') * 4 + 1);
    }
    return kSeverityUnset;
}

/// The value of a level field: a word, or a number.
SeverityNumber level_of_value(std::string_view value) {
    if (value.empty()) {
        return kSeverityUnset;
    }
    return is_digit(value[0]) ? level_of_number(value) : severity_from_text(value);
}

size_t find(std::string_view text, char c, size_t from) {
    const void* at = std::memchr(text.data() + from, c, text.size() - from);
    return at == nullptr ? std::string_view::npos
                         : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

/// Behind the closing quote of a string that begins at `at`; npos when it does not end.
size_t skip_string(std::string_view text, size_t at) {
    size_t end = at;
    while (true) {
        end = find(text, '"', end);
        if (end == std::string_view::npos) {
            return end;
        }
        size_t backslashes = 0;
        while (end - backslashes > at && text[end - backslashes - 1] == '\\') {
            ++backslashes;
        }
        ++end;
        if (backslashes % 2 == 0) {
            return end;
        }
    }
}

size_t skip_space(std::string_view text, size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) {
        ++at;
    }
    return at;
}

/// What stands behind the colon: the inside of a string, or a number.
std::string_view json_scalar(std::string_view text, size_t at) {
    if (at >= text.size()) {
        return {};
    }
    if (text[at] == '"') {
        const size_t end = skip_string(text, at + 1);
        return end == std::string_view::npos ? std::string_view()
                                             : text.substr(at + 1, end - at - 2);
    }
    size_t end = at;
    while (end < text.size() && is_digit(text[end])) {
        ++end;
    }
    return text.substr(at, end - at);
}

/// Members of the outermost object; the text may be cut off or broken.
SeverityNumber level_of_json(std::string_view text) {
    int depth = 0;
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            --depth;
        }
        if (c != '"') {
            ++at;
            continue;
        }
        const size_t begin = at + 1;
        at = skip_string(text, begin);
        if (at == std::string_view::npos) {
            break;
        }
        if (depth != 1 || at - begin - 1 > kNameBytesMax) {
            continue;
        }
        const std::string_view name = text.substr(begin, at - begin - 1);
        const size_t colon = skip_space(text, at);
        if (colon < text.size() && text[colon] == ':' && is_level_name(name)) {
            const auto value = json_scalar(text, skip_space(text, colon + 1));
            if (const SeverityNumber level = level_of_value(value); level != kSeverityUnset) {
                return level;
            }
        }
    }
    return kSeverityUnset;
}

std::string_view logfmt_value(std::string_view text, size_t at) {
    if (at < text.size() && text[at] == '"') {
        return json_scalar(text, at);
    }
    size_t end = at;
    while (end < text.size() && text[end] > ' ' && text[end] != ',' && text[end] != ';') {
        ++end;
    }
    return text.substr(at, end - at);
}

/// `level=warn`, anywhere in the line.
SeverityNumber level_of_logfmt(std::string_view text) {
    for (size_t equal = find(text, '=', 0); equal != std::string_view::npos;
         equal = find(text, '=', equal + 1)) {
        size_t begin = equal;
        const size_t floor = equal > kNameBytesMax ? equal - kNameBytesMax : 0;
        while (begin > floor && text[begin - 1] > ' ' && text[begin - 1] != ',' &&
               text[begin - 1] != '[' && text[begin - 1] != '{') {
            --begin;
        }
        if (is_level_name(text.substr(begin, equal - begin))) {
            const SeverityNumber level = level_of_value(logfmt_value(text, equal + 1));
            if (level != kSeverityUnset) {
                return level;
            }
        }
    }
    return kSeverityUnset;
}

/// klog and glog: `E0102 15:04:05.000000`.
SeverityNumber level_of_klog(std::string_view text) {
    if (text.size() < 6 || text[5] != ' ' || !is_digit(text[1]) || !is_digit(text[2]) ||
        !is_digit(text[3]) || !is_digit(text[4])) {
        return kSeverityUnset;
    }
    switch (text[0]) {
        case 'I':
            return kSeverityInfo;
        case 'W':
            return kSeverityWarn;
        case 'E':
            return kSeverityError;
        case 'F':
            return kSeverityFatal;
        default:
            return kSeverityUnset;
    }
}

/// How sure it is that the word is meant as a level.
struct FoundWord {
    SeverityNumber level = kSeverityUnset;
    bool is_sure = false;  ///< in capitals, before a colon, or in brackets
};

/// The first two letters of every level word of three letters and more; most other words end here.
constexpr bool begins_like_level(char first, char second) {
    const char next = lower(second);
    switch (lower(first)) {
        case 't':
        case 'c':
            return next == 'r';
        case 'd':
            return next == 'e' || next == 'b';
        case 'i':
            return next == 'n';
        case 'n':
            return next == 'o';
        case 'w':
            return next == 'a' || next == 'r';
        case 'e':
            return next == 'r' || next == 'm';
        case 'a':
            return next == 'l';
        case 's':
            return next == 'e';
        case 'f':
            return next == 'a' || next == 't';
        case 'p':
            return next == 'a';
        default:
            return false;
    }
}

/// By both letters, in lower case.
constexpr auto kBeginsLikeLevel = [] {
    std::array<bool, 1024> begins{};
    for (unsigned first = 1; first <= 26; ++first) {
        for (unsigned second = 1; second <= 26; ++second) {
            begins[first * 32 + second] = begins_like_level(
                static_cast<char>('a' + first - 1), static_cast<char>('a' + second - 1)
            );
        }
    }
    return begins;
}();

/// Requires: letters.
bool may_be_level(char first, char second) {
    return kBeginsLikeLevel
        [(static_cast<unsigned>(first) & 31) * 32 + (static_cast<unsigned>(second) & 31)];
}

FoundWord judge_word(std::string_view text, size_t begin, size_t end) {
    const std::string_view word = text.substr(begin, end - begin);
    const SeverityNumber level = severity_from_text(word);
    if (level == kSeverityUnset) {
        return {};
    }
    const char before = begin > 0 ? text[begin - 1] : '\0';
    const char after = end < text.size() ? text[end] : '\0';
    if (after == '=') {
        return {};  // a field's name
    }
    const bool is_bracketed = (before == '[' && after == ']') || (before == '<' && after == '>') ||
                              (before == '(' && after == ')') || (before == '|' && after == '|');
    const bool is_sure = is_bracketed || after == ':' ||
                         std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
    // In prose these are plain words, not levels.
    const bool is_plain = !is_sure && (same_folded(word, "notice") || same_folded(word, "alert") ||
                                       same_folded(word, "trace") || same_folded(word, "severe") ||
                                       same_folded(word, "information"));
    return is_plain ? FoundWord{} : FoundWord{level, is_sure};
}

/// The first word that is surely a level, else the first that may be one (unless only sure ones
/// count: a member named "error" says nothing of the level).
SeverityNumber level_of_words(std::string_view text, bool sure_only) {
    SeverityNumber likely = kSeverityUnset;
    for (size_t at = 0; at < text.size();) {
        if (!is_letter(text[at])) {
            ++at;
            continue;
        }
        const size_t begin = at;
        while (at < text.size() && is_letter(text[at])) {
            ++at;
        }
        // Most words end here: they are too short, or begin with other letters.
        if (at - begin < kWordBytesMin || at - begin > kWordBytesMax + 4 ||
            !may_be_level(text[begin], text[begin + 1])) {
            continue;
        }
        const bool joined = (begin > 0 && (is_digit(text[begin - 1]) || text[begin - 1] == '_')) ||
                            (at < text.size() && (is_digit(text[at]) || text[at] == '_'));
        if (joined) {
            continue;
        }
        const FoundWord found = judge_word(text, begin, at);
        if (found.is_sure) {
            return found.level;
        }
        if (likely == kSeverityUnset && !sure_only) {
            likely = found.level;
        }
    }
    return likely;
}

}  // namespace

uint8_t level_index(SeverityNumber severity) {
    if (severity == kSeverityUnset || severity > 24) {
        return 0;
    }
    if (severity >= kSeverityFatal) {
        return severity == kSeverityFatal || severity == 24 ? 7 : 6;
    }
    return static_cast<uint8_t>((severity - 1) / 4 + 1);
}

std::string_view level_word(uint8_t index) {
    constexpr std::array<std::string_view, kLevels> kWords{
        "unknown", "trace", "debug", "info", "warn", "error", "critical", "fatal"
    };
    return kWords[index < kLevels ? index : 0];
}

bool is_level_name(std::string_view name) {
    constexpr std::array<std::string_view, 11> kNames{
        "level",
        "lvl",
        "severity",
        "severity_text",
        "severitytext",
        "loglevel",
        "log_level",
        "log.level",
        "levelname",
        "level_name",
        kDetectedLevel,
    };
    if (name.size() < 3 || name.size() > kNameBytesMax) {
        return false;
    }
    const char first = lower(name[0]);
    if (first != 'l' && first != 's' && first != 'd') {
        return false;
    }
    return std::ranges::any_of(kNames, [&](std::string_view known) {
        return known.size() == name.size() && same_folded(name, known);
    });
}

SeverityNumber level_of_line(std::string_view line) {
    std::string_view text = line.substr(0, kLevelScanBytes);
    while (!text.empty() && static_cast<unsigned char>(text[0]) <= ' ') {
        text.remove_prefix(1);
    }
    if (text.empty()) {
        return kSeverityUnset;
    }
    SeverityNumber level = kSeverityUnset;
    const bool is_json = text[0] == '{';
    if (is_json) {
        level = level_of_json(text);
    } else {
        level = level_of_klog(text);
        level = level != kSeverityUnset ? level : level_of_logfmt(text);
    }
    return level != kSeverityUnset ? level : level_of_words(text, is_json);
}

SeverityNumber level_of_labels(const StreamLabels& labels) {
    for (const auto& [name, value] : labels.pairs()) {
        if (is_level_name(name)) {
            if (const SeverityNumber level = level_of_value(value); level != kSeverityUnset) {
                return level;
            }
        }
    }
    return kSeverityUnset;
}

SeverityNumber level_of_row(const RecordBatch& batch, uint32_t row) {
    if (const SeverityNumber severity = batch.severity(row); severity != kSeverityUnset) {
        return severity;
    }
    SeverityNumber level = level_of_labels(*batch.streams()[batch.stream(row)]);
    if (level != kSeverityUnset) {
        return level;
    }
    for (const Attr& attr : batch.attrs(row)) {
        if (is_level_name(batch.keys()[attr.key])) {
            const bool is_text = attr.value.kind() == ValueKind::kString;
            level = is_text ? level_of_value(attr.value.as_text())
                            : level_of_value(attr.value.to_text());
            if (level != kSeverityUnset) {
                return level;
            }
        }
    }
    return level_of_line(batch.body(row));
}

}  // namespace seyir

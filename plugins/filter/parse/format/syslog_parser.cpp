// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/syslog_parser.hpp"

#include <array>

#include "plugins/filter/parse/format/text_cursor.hpp"
#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"
};
constexpr std::array<std::string_view, 8> kSeverities = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"
};

Miss bad(const TextCursor& in, std::string_view message) {
    return {"bad_syslog", message, in.at()};
}

bool take_priority(TextCursor& in, FieldWriter& out) {
    in.skip(1);
    const Slice digits = in.rest().substr(0, 4);
    const size_t close = digits.find('>');
    if (close == Slice::npos || close == 0) {
        return false;
    }
    const auto priority = parse_digits(digits.substr(0, close));
    if (!priority || *priority > 191) {
        return false;
    }
    in.skip(close + 1);
    out.add_text("facility", kFacilities[*priority / 8]);
    out.add_text("severity", kSeverities[*priority % 8]);
    return true;
}

/// "Oct 11 22:14:15", "Oct  1 22:14:15", also with a fraction.
size_t bsd_time_length(Slice text) {
    if (text.size() < 15 || !is_letter(text[0]) || !is_letter(text[1]) || !is_letter(text[2]) ||
        text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' ||
        !is_digit(text[5]) || !is_digit(text[14])) {
        return 0;
    }
    size_t length = 15;
    if (length + 1 < text.size() && text[length] == '.' && is_digit(text[length + 1])) {
        ++length;
        while (length < text.size() && is_digit(text[length])) {
            ++length;
        }
    }
    return length;
}

size_t iso_time_length(Slice text) {
    if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || !is_digit(text[0]) || !is_digit(text[18])) {
        return 0;
    }
    return std::min(text.find(' '), text.size());
}

/// A word behind a space; "-" is nothing. False at the end of the line.
bool take_word(TextCursor& in, FieldWriter& out, std::string_view name) {
    const Slice word = in.until(' ');
    if (word.empty()) {
        return false;
    }
    if (word != "-") {
        out.add_text(name, word);
    }
    return in.take(' ') || in.is_end();
}

/// Inside quotes \" \\ \] are escaped, everything else stands for itself.
Slice unescape(Slice value, Arena& arena) {
    if (value.find('\\') == Slice::npos) {
        return value;
    }
    char* const copy = arena.allocate(value.size());
    char* to = copy;
    for (size_t i = 0; i < value.size(); ++i) {
        const bool is_escape = value[i] == '\\' && i + 1 < value.size() &&
                               (value[i + 1] == '"' || value[i + 1] == '\\' || value[i + 1] == ']');
        i += is_escape ? 1 : 0;
        *to++ = value[i];
    }
    return {copy, static_cast<size_t>(to - copy)};
}

bool take_quoted(TextCursor& in, Slice& value) {
    if (!in.take('"')) {
        return false;
    }
    const Slice rest = in.rest();
    size_t end = 0;
    while (end < rest.size() && rest[end] != '"') {
        end += rest[end] == '\\' ? 2 : 1;
    }
    if (end >= rest.size()) {
        return false;
    }
    value = rest.substr(0, end);
    in.skip(end + 1);
    return true;
}

/// [id name="value" ...]...
bool take_structured_data(TextCursor& in, FieldWriter& out, std::string& name) {
    if (in.take('-')) {
        return true;
    }
    if (in.peek() != '[') {
        return false;
    }
    while (in.take('[')) {
        const Slice rest = in.rest();
        const size_t id_end = rest.find_first_of(" ]");
        if (id_end == Slice::npos || id_end == 0) {
            return false;
        }
        name.assign(rest.substr(0, id_end));
        name += '_';
        const size_t id_bytes = name.size();
        in.skip(id_end);
        while (in.take(' ')) {
            if (in.peek() == ']') {
                break;
            }
            const Slice parameter = in.until('=');
            Slice value;
            if (parameter.empty() || parameter.size() > 255 || !in.take('=') ||
                !take_quoted(in, value)) {
                return false;
            }
            name.resize(id_bytes);
            name += parameter;
            out.add_text(name, unescape(value, out.arena()));
        }
        if (!in.take(']')) {
            return false;
        }
    }
    return true;
}

std::optional<Miss> parse_5424(TextCursor& in, FieldWriter& out, std::string& name) {
    for (const std::string_view field : {"time", "host", "appname", "procid", "msgid"}) {
        if (!take_word(in, out, field)) {
            return bad(in, "time, host, appname, procid and msgid are expected");
        }
    }
    if (!take_structured_data(in, out, name)) {
        return bad(in, "structured data is expected: - or [id name=\"value\"]");
    }
    if (in.is_end()) {
        return std::nullopt;
    }
    if (!in.take(' ')) {
        return bad(in, "a space is expected behind structured data");
    }
    in.take(std::string_view("\xef\xbb\xbf"));
    out.add_text("message", in.rest());
    return std::nullopt;
}

/// "name[pid]: ", "name: "; nothing where the text does not begin with one.
bool take_tag(TextCursor& in, FieldWriter& out) {
    const Slice rest = in.rest();
    const size_t end = rest.find_first_of(": [");
    if (end == Slice::npos || end == 0 || rest[end] == ' ') {
        return false;
    }
    size_t behind = end;
    Slice pid;
    if (rest[end] == '[') {
        const size_t close = rest.find(']', end);
        if (close == Slice::npos) {
            return false;
        }
        pid = rest.substr(end + 1, close - end - 1);
        behind = close + 1;
    }
    if (behind >= rest.size() || rest[behind] != ':') {
        return false;
    }
    out.add_text("appname", rest.substr(0, end));
    if (!pid.empty()) {
        out.add_text("procid", pid);
    }
    in.skip(behind + 1);
    in.take(' ');
    return true;
}

std::optional<Miss> parse_3164(TextCursor& in, FieldWriter& out) {
    size_t time = bsd_time_length(in.rest());
    if (time == 0) {
        time = iso_time_length(in.rest());
    }
    if (time == 0) {
        return bad(in, "a time is expected, as Oct 11 22:14:15 or 2026-01-02T03:04:05Z");
    }
    out.add_text("time", in.rest().substr(0, time));
    in.skip(time);
    if (!in.take(' ')) {
        return bad(in, "a space is expected behind the time");
    }
    if (!take_tag(in, out)) {
        const Slice host = in.until(' ');
        if (host.empty() || !in.take(' ')) {
            return bad(in, "a host is expected behind the time");
        }
        out.add_text("host", host);
        take_tag(in, out);
    }
    out.add_text("message", in.rest());
    return std::nullopt;
}

}  // namespace

std::optional<Miss> SyslogParser::parse(Slice text, FieldWriter& out) {
    TextCursor in(text);
    if (in.peek() == '<') {
        if (!take_priority(in, out)) {
            return bad(in, "the priority must be a number up to 191 in <>");
        }
        if (in.peek() == '1' && in.peek(1) == ' ') {
            in.skip(2);
            return parse_5424(in, out, name_);
        }
    }
    return parse_3164(in, out);
}

bool looks_like_syslog(Slice text) {
    if (text.size() > 4 && text[0] == '<' && is_digit(text[1])) {
        const size_t close = text.substr(0, 5).find('>');
        return close != Slice::npos;
    }
    return bsd_time_length(text) != 0;
}

}  // namespace seyir::plugins::parse

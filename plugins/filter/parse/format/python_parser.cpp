// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/python_parser.hpp"

#include <algorithm>

#include "plugins/filter/parse/format/text_cursor.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr std::string_view kLevels[] = {
    "DEBUG", "INFO", "WARNING", "WARN", "CRITICAL", "ERROR", "FATAL", "TRACE", "NOTSET"
};

Slice level_at(Slice text) {
    for (const std::string_view level : kLevels) {
        if (text.starts_with(level) &&
            (text.size() == level.size() || !is_letter(text[level.size()]))) {
            return text.substr(0, level.size());
        }
    }
    return {};
}

/// "2026-01-02 03:04:05,678", fraction and zone optional.
Slice time_at(Slice text) {
    if (text.size() < 19 || text[4] != '-' || text[7] != '-' ||
        (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':' ||
        !is_digit(text[0]) || !is_digit(text[18])) {
        return {};
    }
    size_t end = 19;
    if (end + 1 < text.size() && (text[end] == ',' || text[end] == '.') &&
        is_digit(text[end + 1])) {
        ++end;
        while (end < text.size() && is_digit(text[end])) {
            ++end;
        }
    }
    const Slice zone = text.substr(end);
    if (zone.starts_with('Z')) {
        return text.substr(0, end + 1);
    }
    const size_t space = zone.starts_with(' ') ? 1 : 0;
    if (zone.size() > space + 4 && (zone[space] == '+' || zone[space] == '-') &&
        is_digit(zone[space + 1])) {
        size_t length = space + 1;
        while (length < zone.size() && (is_digit(zone[length]) || zone[length] == ':')) {
            ++length;
        }
        return text.substr(0, end + length);
    }
    return text.substr(0, end);
}

struct Head {
    Slice time, logger, level, process, message;
};

/// Behind "TIME - ": "name - LEVEL - message".
bool dashes(Slice rest, Head& head) {
    // A logger's name has no " - "; the level decides where it ends.
    const size_t name_end = rest.find(" - ");
    if (name_end == Slice::npos) {
        return false;
    }
    const Slice behind = rest.substr(name_end + 3);
    head.level = level_at(behind);
    if (head.level.empty()) {
        head.level = level_at(rest);  // levelname first
        if (head.level.size() != name_end) {
            return false;
        }
        const size_t logger_end = behind.find(" - ");
        head.logger = logger_end == Slice::npos ? Slice() : behind.substr(0, logger_end);
        head.message = logger_end == Slice::npos ? behind : behind.substr(logger_end + 3);
        return true;
    }
    head.logger = rest.substr(0, name_end);
    const Slice tail = behind.substr(head.level.size());
    head.message =
        tail.starts_with(" - ") ? tail.substr(3) : tail.substr(std::min<size_t>(1, tail.size()));
    return tail.empty() || tail.starts_with(" - ") || tail.starts_with(':') ||
           tail.starts_with(' ');
}

/// Behind "[TIME] ", "[TIME: " and "TIME ".
bool after_time(Slice rest, Head& head) {
    TextCursor in(rest);
    if (in.peek() == '[' && is_digit(in.peek(1))) {  // gunicorn's process
        in.skip(1);
        head.process = in.until(']');
        in.skip(1);
        in.skip_spaces();
    }
    const bool in_brackets = in.take('[');
    head.level = level_at(in.rest());
    if (head.level.empty()) {
        return false;
    }
    in.skip(head.level.size());
    if (in.peek() == '/') {  // celery's process
        in.skip(1);
        head.process = in.until(']');
    }
    if (in_brackets) {
        in.skip_spaces();
        if (!in.take(']')) {
            return false;
        }
    } else {
        in.take(']');
    }
    in.skip_spaces();
    const size_t message_at = in.at();
    if (in.take(std::string_view("in "))) {  // Flask
        head.logger = in.until(':');
        if (!in.take(':')) {
            head.logger = {};
            in.seek(message_at);
        }
    } else {
        const Slice word = in.rest().substr(0, in.rest().find_first_of(": "));
        const size_t behind = in.at() + word.size();
        const bool is_name =
            !word.empty() && behind < rest.size() && rest[behind] == ':' &&
            behind + 1 < rest.size() && rest[behind + 1] == ' ' &&
            std::ranges::all_of(
                word, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; }
            );
        if (is_name) {
            head.logger = word;
            in.seek(behind + 1);
        }
    }
    in.take(':');
    in.skip_spaces();
    head.message = in.rest();
    return true;
}

/// "LEVEL:name:message" and "LEVEL:     message".
bool without_time(Slice text, Head& head) {
    head.level = level_at(text);
    if (head.level.empty() || text.size() <= head.level.size() || text[head.level.size()] != ':') {
        return false;
    }
    TextCursor in(text);
    in.skip(head.level.size() + 1);
    if (in.peek() == ' ') {
        in.skip_spaces();
        head.message = in.rest();
        return true;
    }
    head.logger = in.until(':');
    if (!in.take(':') || head.logger.find(' ') != Slice::npos) {
        return false;
    }
    head.message = in.rest();
    return true;
}

bool read_head(Slice text, Head& head) {
    const bool in_brackets = text.starts_with('[');
    const Slice behind = text.substr(in_brackets ? 1 : 0);
    head.time = time_at(behind);
    if (head.time.empty()) {
        return without_time(text, head);
    }
    TextCursor in(behind);
    in.skip(head.time.size());
    if (!in_brackets && in.take(std::string_view(" - "))) {
        return dashes(in.rest(), head);
    }
    if (in_brackets && !in.take(']') && !in.take(':')) {
        return false;
    }
    in.skip_spaces();
    return after_time(in.rest(), head);
}

/// "package.Error: text" of the last line that has no indent, behind "Traceback".
void add_exception(Slice message, FieldWriter& out) {
    if (message.find("Traceback (most recent call last):") == Slice::npos) {
        return;
    }
    size_t end = message.size();
    while (end != 0) {
        const size_t newline = message.rfind('\n', end - 1);
        const size_t begin = newline == Slice::npos ? 0 : newline + 1;
        const Slice line = message.substr(begin, end - begin);
        if (!line.empty() && is_letter(line[0]) && !line.starts_with("Traceback ")) {
            const size_t name_end = line.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
            );
            if (name_end == Slice::npos || line[name_end] == ':') {
                out.add_text("exception_type", line.substr(0, name_end));
                if (name_end != Slice::npos && name_end + 2 < line.size()) {
                    out.add_text("exception_message", line.substr(name_end + 2));
                }
                return;
            }
        }
        end = begin == 0 ? 0 : begin - 1;
    }
}

}  // namespace

void PythonParser::add_message(Slice message, FieldWriter& out) {
    const size_t first = message.find_first_not_of(" \t");
    if (first != Slice::npos && message[first] == '{') {
        const auto before = out.mark();
        if (inner_json_.parse_object(message, out)) {
            out.back_to(before);  // it only began like an object
        }
    }
    add_exception(message, out);
}

std::optional<Miss> PythonParser::parse_json(Slice text, FieldWriter& out) {
    if (auto miss = json_.parse_object(text, out)) {
        return miss;
    }
    const auto copy = [&](std::initializer_list<std::string_view> names, std::string_view to) {
        for (const std::string_view name : names) {
            if (const Value* value = out.find(name)) {
                out.add(to, Value(*value));
                return;
            }
        }
    };
    copy({"asctime", "timestamp", "@timestamp", "time"}, "time");
    copy({"levelname", "level", "severity", "log_level"}, "level");
    copy({"name", "logger", "logger_name"}, "logger");
    for (const std::string_view name : {"message", "msg", "event"}) {
        if (const Value* value = out.find(name);
            value != nullptr && value->kind() == ValueKind::kString) {
            add_message(value->as_text(), out);
            break;
        }
    }
    return std::nullopt;
}

std::optional<Miss> PythonParser::parse(Slice text, FieldWriter& out) {
    if (text.starts_with('{')) {
        return parse_json(text, out);
    }
    Head head;
    if (!read_head(text, head)) {
        return Miss{
            "bad_python_log",
            "none of Python's usual formats",
            head.time.empty() ? 0 : head.time.size()
        };
    }
    const auto add = [&](std::string_view name, Slice value) {
        if (!value.empty()) {
            out.add_text(name, value);
        }
    };
    add("time", head.time);
    add("logger", head.logger);
    add("level", head.level);
    add("process", head.process);
    add("message", head.message);
    add_message(head.message, out);
    return std::nullopt;
}

bool looks_like_python_log(Slice text) {
    Head head;
    return (text.starts_with('[') || (!text.empty() && is_digit(text[0]))) && read_head(text, head);
}

}  // namespace seyir::plugins::parse

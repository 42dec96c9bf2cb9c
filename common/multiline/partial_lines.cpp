// SPDX-License-Identifier: Apache-2.0
#include "common/multiline/partial_lines.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace seyir::multiline {
namespace {

constexpr std::string_view kDockerBegin = "{\"log\":\"";

struct Record {
    std::string text;
    std::string_view after;
    bool is_open = false;
};

/// The first quote that is not escaped; npos when there is none.
size_t end_of_string(std::string_view text) {
    size_t at = text.find('"');
    while (at != std::string_view::npos) {
        size_t slashes = 0;
        while (slashes < at && text[at - 1 - slashes] == '\\') {
            ++slashes;
        }
        if (slashes % 2 == 0) {
            return at;
        }
        at = text.find('"', at + 1);
    }
    return at;
}

bool ends_with_line_break(std::string_view text) {
    if (!text.ends_with("\\n")) {
        return false;
    }
    size_t slashes = 0;  // before the n
    while (slashes < text.size() - 1 && text[text.size() - 2 - slashes] == '\\') {
        ++slashes;
    }
    return slashes % 2 == 1;
}

/// "TIME stdout P text" -> the place of P; npos when the line looks otherwise.
size_t flag_of_cri(std::string_view line) {
    const size_t time_end = line.find(' ');
    if (time_end == std::string_view::npos || time_end > 40) {
        return std::string_view::npos;
    }
    const std::string_view rest = line.substr(time_end + 1);
    if (!rest.starts_with("stdout ") && !rest.starts_with("stderr ")) {
        return std::string_view::npos;
    }
    const size_t flag = time_end + 8;
    const bool is_flag = flag < line.size() && (line[flag] == 'P' || line[flag] == 'F');
    const bool is_end = flag + 1 >= line.size() || line[flag + 1] == ' ' || line[flag + 1] == ':';
    return is_flag && is_end ? flag : std::string_view::npos;
}

}  // namespace

PartialLine read_cri_line(std::string_view line) {
    PartialLine part;
    const size_t flag = flag_of_cri(line);
    if (flag == std::string_view::npos) {
        return part;
    }
    part.is_known = true;
    part.stream = line[flag - 2] == 'r' ? 1 : 0;
    part.is_partial = line[flag] == 'P';
    // Tags may follow the flag ("P:tag"); the text comes after the next blank.
    const size_t blank = line.find(' ', flag);
    const size_t begin = blank == std::string_view::npos ? line.size() : blank + 1;
    part.before = line.substr(0, begin);
    part.text = line.substr(begin);
    return part;
}

PartialLine read_docker_line(std::string_view line) {
    PartialLine part;
    if (!line.starts_with(kDockerBegin)) {
        return part;
    }
    const size_t end = end_of_string(line.substr(kDockerBegin.size()));
    if (end == std::string_view::npos) {
        return part;
    }
    part.is_known = true;
    part.before = kDockerBegin;
    part.text = line.substr(kDockerBegin.size(), end);
    part.after = line.substr(kDockerBegin.size() + end);
    part.is_partial = !ends_with_line_break(part.text);
    part.stream = part.after.find("\"stream\":\"stderr\"") != std::string_view::npos ? 1 : 0;
    return part;
}

void join_partial_lines(
    std::string_view lines,
    PartialLine (*read)(std::string_view),
    uint64_t bytes_max,
    const std::function<void(std::string_view)>& emit
) {
    constexpr size_t kNone = ~size_t{0};
    std::vector<Record> records;
    std::array<size_t, 2> open{kNone, kNone};
    for (size_t at = 0; at <= lines.size();) {
        const size_t end = std::min(lines.find('\n', at), lines.size());
        const std::string_view line = lines.substr(at, end - at);
        at = end + 1;
        const PartialLine part = read(line);
        size_t& mine = open[part.stream];
        if (!part.is_known) {
            records.push_back({std::string(line), {}, false});
            continue;
        }
        if (mine != kNone &&
            records[mine].text.size() + part.text.size() + part.after.size() > bytes_max) {
            mine = kNone;  // as large as a record may be: the rest is another one
        }
        if (mine == kNone) {
            mine = records.size();
            records.push_back({std::string(part.before), part.after, true});
        }
        Record& record = records[mine];
        record.text += part.text;
        if (!part.is_partial) {
            // The whole line is complete, whatever its first part said.
            const size_t flag = read == read_cri_line ? flag_of_cri(record.text) : kNone;
            if (flag != kNone) {
                record.text[flag] = 'F';
            }
            record.is_open = false;
            mine = kNone;
        }
    }
    for (Record& record : records) {
        record.text += record.after;
        emit(record.text);
    }
}

}  // namespace seyir::multiline

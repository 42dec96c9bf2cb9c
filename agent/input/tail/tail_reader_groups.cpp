// SPDX-License-Identifier: Apache-2.0
// TailReader: records of several lines. A group that may go on is not consumed: it is read again
// with what followed, so a restart in its middle finds it whole. Only its first 32 KiB are: of a
// longer one the state is kept, and only new lines are looked at until it is complete.
#include <algorithm>
#include <utility>

#include "agent/input/tail/newline_scan.hpp"
#include "agent/input/tail/tail_reader.hpp"

namespace seyir::agent::input {

namespace {

constexpr size_t kWindowBytesMin = 64 * 1024;
constexpr auto kLookAgain = std::chrono::milliseconds(100);

}  // namespace

bool TailReader::split_groups(TailFile& file, std::string_view data, bool full) {
    const multiline::Rules& rules = *options_.multiline.rules;
    const multiline::Bounds& bounds = options_.multiline.bounds;
    const uint64_t bytes_max = std::min(bounds.bytes_max, options_.max_line_bytes);
    uint16_t carried = file.group.begin == file.read_end ? file.group.begin_state : 0;
    uint16_t state = carried;
    uint32_t lines = 0;
    size_t begin = 0;  // of the group
    size_t at = 0;     // of the line
    const auto send = [&](uint16_t begin_state) {
        if (lines > 0) {
            add_group(file, data.substr(begin, at - begin - 1), lines);
        }
        begin = at;
        lines = 0;
        carried = begin_state;
    };
    const std::string_view former = file.tail.view();
    const bool ends_former = newlines_.front() == 0 && !file.cutting_over_long && !former.empty() &&
                             former.back() != '\n';
    if (ends_former) {
        begin = at = 1;  // the line before was handed on without its end; this is its end
    }
    for (size_t i = ends_former ? 1 : 0; i < newlines_.size(); ++i) {
        const size_t end = newlines_[i];
        const std::string_view line = data.substr(at, end - at);
        if (line.size() > options_.max_line_bytes || file.cutting_over_long) [[unlikely]] {
            send(0);
            add_alone(file, line);
            begin = at = end + 1;
            state = carried = 0;
            continue;
        }
        const uint16_t before = state;
        const multiline::Rules::Step step = rules.step(state, line);
        if (step.begins) {
            send(0);
        } else if (lines >= bounds.lines_max || (lines > 0 && end - begin > bytes_max)) {
            counters_.cut_groups.add();
            send(before);
        }
        ++lines;
        at = end + 1;
        if (step.closes) {
            send(0);
        }
    }
    const uint64_t data_end = file.read_end + data.size();
    if (begin > 0) {
        builder_.keep(former.size() + begin);
        consume(file, data.substr(0, begin));
        climb_ladder(file);
    }
    file.scanned_end = data_end;
    LineGroup& group = file.group;
    group = {
        file.read_end,
        file.read_end + (at - begin),
        group.seen_end,
        lines,
        carried,
        state,
        group.grew_at
    };
    watch_group(file, data_end);
    return full;
}

void TailReader::add_alone(TailFile& file, std::string_view line) {
    if (line.size() > options_.max_line_bytes) {
        add_over_long(file, line);
    } else {
        add_line(file, line);  // the last part of a line that was split
    }
    file.cutting_over_long = false;
}

void TailReader::add_group(TailFile& file, std::string_view group, uint32_t lines) {
    const multiline::Rules& rules = *options_.multiline.rules;
    if (lines == 1 || rules.keeps_lines()) [[likely]] {
        add_line(file, group);
        return;
    }
    const uint64_t bytes_max =
        std::min(options_.multiline.bounds.bytes_max, options_.max_line_bytes);
    rules.records(group, bytes_max, [&](std::string_view record) {
        add_line(file, builder_.copy(record));
    });
}

void TailReader::watch_group(TailFile& file, uint64_t seen_end) {
    if (file.group.lines == 0) {
        file.group.seen_end = 0;
        return;
    }
    if (file.group.seen_end != seen_end) {
        file.group.seen_end = seen_end;
        file.group.grew_at = now_;
    }
    groups_due_ =
        std::min(groups_due_, file.group.grew_at + options_.multiline.bounds.flush_timeout);
}

void TailReader::cut_group(TailFile& file, uint16_t state_before) {
    counters_.cut_groups.add();
    file.group.begin = file.read_end;
    file.group.begin_state = state_before;
}

bool TailReader::read_long_group(TailFile& file) {
    LineGroup& group = file.group;
    if (!has_group(file) || file.cutting_over_long) {
        return read_long_line(file);  // not one line is complete
    }
    const auto info = file.handle->info();
    if (info && info->size_bytes < file.scanned_end) {
        on_rewritten(file, "truncated");
        return false;
    }
    const bool is_long_line = file.scanned_end >= group.scanned + kWindowBytesMin;
    const size_t bytes_min = is_long_line ? options_.max_line_bytes + 1 : kWindowBytesMin;
    const std::span<char> window =
        builder_.window(bytes_min, std::max(bytes_min, options_.read_chunk_bytes));
    const auto got = file.handle->read_at(group.scanned, window);
    if (!got) {
        complain(file, got.error());
        return false;
    }
    const std::string_view data(window.data(), *got);
    const uint64_t data_end = group.scanned + data.size();
    const bool full = data.size() == window.size();
    file.size_bytes = std::max(file.size_bytes, data_end);
    newlines_.clear();
    scan_newlines(data, newlines_);
    const multiline::Bounds& bounds = options_.multiline.bounds;
    const uint64_t bytes_max = std::min(bounds.bytes_max, options_.max_line_bytes);
    size_t at = 0;
    for (const uint32_t end : newlines_) {
        const std::string_view line = data.substr(at, end - at);
        const uint16_t before = group.state;
        const multiline::Rules::Step step = options_.multiline.rules->step(group.state, line);
        const bool is_full = group.lines >= bounds.lines_max ||
                             group.scanned + line.size() - group.begin > bytes_max;
        if (step.begins || is_full) {
            if (send_group(file) && !step.begins) {
                cut_group(file, before);
            }
            return true;
        }
        at = end + 1;
        group.scanned += line.size() + 1;
        ++group.lines;
        if (step.closes) {
            return send_group(file);
        }
    }
    if (data.size() - at > options_.max_line_bytes) {
        return send_group(file);  // an over-long line stands alone
    }
    file.scanned_end = data_end;
    watch_group(file, data_end);
    return full;
}

bool TailReader::begin_long_group(TailFile& file, uint64_t bytes) {
    const std::span<char> window = builder_.window(bytes, bytes);
    const auto got = file.handle->read_at(file.read_end, window);
    if (!got || *got != bytes) {
        return false;  // cut at this very moment: the next turn finds out
    }
    LineGroup& group = file.group;
    const uint16_t carried = group.begin == file.read_end ? group.begin_state : 0;
    uint16_t state = carried;
    const auto step = options_.multiline.rules->step(state, {window.data(), bytes});
    const uint64_t end = file.read_end + bytes + 1;
    if (step.closes) {
        return copy_out(file, bytes) && consume_unread(file, end);
    }
    group = {file.read_end, end, 0, 1, carried, state, now_};
    file.scanned_end = end;
    watch_group(file, end);
    return true;
}

bool TailReader::send_group(TailFile& file) {
    const uint64_t bytes = file.group.scanned - file.read_end;
    const std::span<char> window = builder_.window(bytes, bytes);
    const auto got = file.handle->read_at(file.read_end, window);
    if (!got || *got != bytes) {
        return false;  // cut at this very moment: the next turn finds out
    }
    if (builder_.empty()) {
        batch_began_ = now_;
    }
    file.last_ts = std::max(deps_.clock.wall_now(), file.last_ts + Nanos(1)) - Nanos(1);
    builder_.keep(bytes);
    const std::string_view group(window.data(), bytes);
    add_group(file, group.substr(0, bytes - 1), file.group.lines);
    consume(file, group);
    file.scanned_end = file.read_end;
    file.group = {};
    return true;
}

void TailReader::send_quiet_groups() {
    groups_due_ = SteadyTime::max();
    for (TailFile& file : files_) {
        if (!has_group(file) || file.released || file.state != FileState::kActive) {
            continue;
        }
        const SteadyTime due = file.group.grew_at + options_.multiline.bounds.flush_timeout;
        if (now_ < due || !file.at_end() || !budget_left() || !ensure_open(file)) {
            groups_due_ = std::min(groups_due_, std::max(due, now_ + kLookAgain));
            continue;
        }
        const auto info = file.handle->info();
        if (info && info->size_bytes != file.size_bytes) {
            file.size_bytes = info->size_bytes;
            enqueue(file);
            groups_due_ = std::min(groups_due_, now_ + kLookAgain);
            continue;
        }
        if (send_group(file)) {
            counters_.quiet_groups.add();
        }
        enqueue(file);
    }
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
// TailReader: from bytes to rows. One read per turn; bodies are slices of the block read into.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "agent/input/tail/newline_scan.hpp"
#include "agent/input/tail/tail_reader.hpp"
#include "common/base/log.hpp"

namespace seyir::agent::input {

namespace {

/// An unterminated rest up to this size is simply read again at the next wake-up; a longer one is
/// searched only where it grew.
constexpr uint64_t kRereadBytesMax = 32 * 1024;
constexpr size_t kWindowBytesMin = 64 * 1024;
constexpr size_t kSkipBufferBytes = 256 * 1024;
/// A file full of long lines says so once in this time; the counter has them all.
constexpr Nanos kSayAgainAfter = std::chrono::minutes(1);

}  // namespace

bool TailReader::read_turn(TailFile& file) {
    if (!ensure_open(file)) {
        return false;
    }
    last_read_ = now_;
    if (file.scanned_end >= file.read_end + std::min(kRereadBytesMax, options_.read_chunk_bytes)) {
        return groups_lines() ? read_long_group(file) : read_long_line(file);
    }
    // The bytes before read_end are read again and compared: a file that was rewritten in place
    // is noticed in the same system call, however long it is now.
    const std::string_view tail = file.tail.view();
    const size_t bytes_max = options_.read_chunk_bytes + tail.size();
    const std::span<char> window = builder_.window(std::min(kWindowBytesMin, bytes_max), bytes_max);
    const auto got = file.handle->read_at(file.read_end - tail.size(), window);
    if (!got) {
        complain(file, got.error());
        return false;
    }
    note_readable(file);
    const std::string_view bytes(window.data(), *got);
    if (!bytes.starts_with(tail)) {
        if (bytes.size() < tail.size() && file.cut_from == 0) {
            file.cut_from = file.size_bytes;
        }
        on_rewritten(file, bytes.size() < tail.size() ? "truncated" : "rewritten in place");
        return false;
    }
    const std::string_view data = bytes.substr(tail.size());
    file.size_bytes = std::max(file.size_bytes, file.read_end + data.size());
    if (data.empty()) {
        file.size_bytes = file.scanned_end = file.read_end;
        return false;
    }
    file.rest_sent = false;
    file.cut_from = 0;
    return split_lines(file, data, bytes.size() == window.size());
}

bool TailReader::split_lines(TailFile& file, std::string_view data, bool full) {
    newlines_.clear();
    scan_newlines(data, newlines_);
    if (newlines_.empty()) {
        file.scanned_end = file.read_end + data.size();
        file.group.lines = 0;
        return full;  // a line longer than the window: the next turn looks on from there
    }
    if (builder_.empty()) {
        batch_began_ = now_;
    }
    const UnixNanos wall = deps_.clock.wall_now();
    file.last_ts = std::max(wall, file.last_ts + Nanos(1)) - Nanos(1);
    if (groups_lines()) {
        return split_groups(file, data, full);
    }
    builder_.reserve(newlines_.size());
    const size_t line_max = options_.max_line_bytes;
    // The line before was handed on without its end (partial_line_wait); this is its end.
    const std::string_view before = file.tail.view();
    const bool ends_former = newlines_.front() == 0 && !file.cutting_over_long && !before.empty() &&
                             before.back() != '\n';
    size_t begin = 0;
    for (const uint32_t end : newlines_) {
        const std::string_view line = data.substr(begin, end - begin);
        if (end == 0 && ends_former) {
            begin = 1;
            continue;
        }
        if (line.size() <= line_max) [[likely]] {
            add_line(file, line);
        } else {
            add_over_long(file, line);
        }
        begin = end + 1;
    }
    file.cutting_over_long = false;
    builder_.keep(file.tail.view().size() + begin);
    const uint64_t data_end = file.read_end + data.size();
    consume(file, data.substr(0, begin));
    file.scanned_end = data_end;
    climb_ladder(file);
    return full;
}

void TailReader::add_line(TailFile& file, std::string_view line) {
    if (options_.format != nullptr) [[unlikely]] {
        add_formatted(file, line);
        return;
    }
    builder_.open_origin(file);
    file.last_ts.value += 1;
    builder_.append(file, file.last_ts, line);
}

void TailReader::add_formatted(TailFile& file, std::string_view line) {
    if (!file.labels.is_final) {
        file.labels = options_.format->labels_of(file.path);
    }
    builder_.open_origin(file);
    file.last_ts.value += 1;
    const FormattedLine read = options_.format->read(line);
    const Slice body = read.is_copy_needed ? builder_.copy(read.body) : Slice(read.body);
    builder_.append(file, read.ts.value_or(file.last_ts), body, read.origin);
}

void TailReader::count_over_long(TailFile& file) {
    counters_.over_long_lines.add();
    if (file.over_long_said && now_ < *file.over_long_said + kSayAgainAfter) {
        return;
    }
    file.over_long_said = now_;
    log::warn(
        "tail",
        "a line is longer than max_line; `over` says what becomes of it",
        {{"input", options_.id},
         {"file", file.path},
         {"max_line_bytes", fmt::to_string(options_.max_line_bytes)}}
    );
}

void TailReader::add_over_long(TailFile& file, std::string_view line) {
    const size_t line_max = options_.max_line_bytes;
    if (!std::exchange(file.cutting_over_long, false)) {
        count_over_long(file);
    }
    switch (options_.over_long) {
        case OverLong::kSplit:
            for (size_t at = 0; at < line.size(); at += line_max) {
                add_line(file, line.substr(at, line_max));
            }
            return;
        case OverLong::kTruncate:
            counters_.left_out_bytes.add(line.size() - line_max);
            add_line(file, line.substr(0, line_max));
            return;
        case OverLong::kDrop:
            counters_.left_out_bytes.add(line.size());
            return;
    }
}

void TailReader::consume(TailFile& file, std::string_view bytes) {
    if (file.read_end == 0 && file.consumed.length() == 0) {
        forget_banner(file);
        file.banner = banner_of(bytes);
        remember_banner(file);
    }
    if (file.consumed_valid) {
        file.consumed.update(bytes);
    }
    file.tail.append(bytes);
    file.read_end += bytes.size();
    file.scanned_end = std::max(file.scanned_end, file.read_end);
    counters_.read_bytes.add(bytes.size());
}

bool TailReader::read_long_line(TailFile& file) {
    const auto info = file.handle->info();
    if (info && info->size_bytes < file.scanned_end) {
        on_rewritten(file, "truncated");
        return false;
    }
    const std::span<char> window = builder_.window(kWindowBytesMin, options_.read_chunk_bytes);
    const auto got = file.handle->read_at(file.scanned_end, window);
    if (!got) {
        complain(file, got.error());
        return false;
    }
    const std::string_view data(window.data(), *got);
    file.size_bytes = std::max(file.size_bytes, file.scanned_end + data.size());
    const size_t newline = data.find('\n');
    if (newline != std::string_view::npos) {
        return cut_long_line(file, file.scanned_end + newline);
    }
    file.scanned_end += data.size();
    if (data.empty()) {
        file.size_bytes = file.scanned_end;
    }
    // A split line need not end: its pieces go out as they fill. The others wait for the end, so
    // that a restart in the middle does not take the rest for a line.
    if (options_.over_long == OverLong::kSplit &&
        file.scanned_end - file.read_end > options_.max_line_bytes) {
        return cut_long_line(file, std::nullopt);
    }
    return !data.empty();
}

bool TailReader::cut_long_line(TailFile& file, std::optional<uint64_t> line_end) {
    const uint64_t line_max = options_.max_line_bytes;
    const uint64_t left = line_end.value_or(file.scanned_end) - file.read_end;
    if (line_end && left <= line_max && groups_lines() && !file.cutting_over_long) {
        return begin_long_group(file, left);
    }
    if (line_end && left <= line_max) {
        file.cutting_over_long = false;
        return copy_out(file, left) && consume_unread(file, *line_end + 1);
    }
    if (!std::exchange(file.cutting_over_long, true)) {
        count_over_long(file);
    }
    if (options_.over_long == OverLong::kSplit) {
        const uint64_t end = file.read_end + line_max;
        return copy_out(file, line_max) && consume_unread(file, end);
    }
    file.cutting_over_long = false;
    const bool keep = options_.over_long == OverLong::kTruncate;
    counters_.left_out_bytes.add(left - (keep ? line_max : 0));
    return (!keep || copy_out(file, line_max)) && consume_unread(file, *line_end + 1);
}

bool TailReader::copy_out(TailFile& file, uint64_t bytes) {
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
    add_line(file, {window.data(), bytes});
    return true;
}

bool TailReader::consume_unread(TailFile& file, uint64_t end) {
    std::string buffer(std::min<uint64_t>(kSkipBufferBytes, end - file.read_end), '\0');
    const Mark before = file.mark();
    const TailBytes tail_before = file.tail;
    while (file.read_end < end) {
        const size_t want = std::min<uint64_t>(buffer.size(), end - file.read_end);
        const auto got = file.handle->read_at(file.read_end, {buffer.data(), want});
        if (!got) {
            // All of it or nothing: from the middle the rest would look like a line.
            complain(file, got.error());
            file.read_end = file.scanned_end = before.offset;
            file.consumed = before.consumed;
            file.tail = tail_before;
            return false;
        }
        if (*got == 0) {
            on_rewritten(file, "truncated");
            return false;
        }
        consume(file, {buffer.data(), *got});
    }
    file.scanned_end = std::max(file.scanned_end, file.read_end);
    return true;
}

void TailReader::send_rest(TailFile& file) {
    // Rotated away and quiet: nobody will terminate this line any more.
    if (!budget_left() || !ensure_open(file)) {
        return;
    }
    if (has_group(file) && !send_group(file)) {
        return;
    }
    while (file.read_end < file.size_bytes) {
        const uint64_t bytes =
            std::min<uint64_t>(file.size_bytes - file.read_end, options_.max_line_bytes);
        const uint64_t end = file.read_end + bytes;
        if (!copy_out(file, bytes) || !consume_unread(file, end)) {
            break;
        }
    }
    file.rest_sent = true;
    flush();
}

void TailReader::on_rewritten(TailFile& file, const char* how) {
    flush();
    if (file.read_end == 0 && file.settled() && file.acked.offset == 0) {
        file.scanned_end = 0;  // nothing of the old content was used
        file.size_bytes = 0;
        file.prefix = {};
        file.group = {};
        return;
    }
    counters_.truncations.add();
    log::info(
        "tail",
        fmt::format("{} was {}: reading its new content", file.path, how),
        {{"input", options_.id}, {"consumed", std::to_string(file.read_end)}}
    );
    TailFile& next = files_.emplace_back();
    next.number = next_number_++;
    next.id = file.id;
    next.path = file.path;
    next.key = {file.key.source, file.key.generation + 1};
    next.rewritten = true;
    next.last_ts = file.last_ts;
    next.modified = file.modified;
    next.changed_at = now_;
    next.used_at = now_;
    next.detached = file.detached;
    next.replaced = file.replaced;
    next.seen_scan = scan_;
    by_number_[next.number] = &next;
    by_id_[next.id] = &next;
    by_path_[next.path] = &next;
    close_handle(file);
    file.state = FileState::kOrphan;
    file.cut = true;
    file.changed_at = now_;
    next.state = FileState::kToAsk;
    to_ask_.push_back(&next);
    dirty_ = true;
}

}  // namespace seyir::agent::input

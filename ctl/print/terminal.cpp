// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/terminal.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include <unistd.h>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/io/clock.hpp"

namespace seyir::ctl {

using namespace std::chrono_literals;

namespace {

std::string_view escape_of(Color color) {
    switch (color) {
        case Color::kDim:
            return "\x1b[2m";
        case Color::kBold:
            return "\x1b[1m";
        case Color::kRed:
            return "\x1b[31m";
        case Color::kGreen:
            return "\x1b[32m";
        case Color::kYellow:
            return "\x1b[33m";
        case Color::kBlue:
            return "\x1b[34m";
    }
    return "";
}

/// Bytes of the control that begins at `at`, 0 for what may be shown. Over UTF-8: C1 controls are
/// C2 80..9F, the direction controls E2 80 8E/8F/AA..AE and E2 81 A6..A9 (UAX 9).
size_t control_bytes(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) -> unsigned {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7F) {
        return byte(0) == '\t' ? 0 : 1;
    }
    if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) {
        return 2;
    }
    if (byte(0) == 0xE2 && byte(1) == 0x80) {
        const unsigned last = byte(2);
        return last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE) ? 3 : 0;
    }
    return byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9 ? 3 : 0;
}

void write_error(std::string_view text) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

bool is_terminal(int descriptor) {
    return isatty(descriptor) == 1;
}

bool wants_color(std::string_view choice, int descriptor) {
    if (choice == "always" || choice == "never") {
        return choice == "always";
    }
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
    return is_terminal(descriptor) && !is_dumb && (no_color == nullptr || *no_color == '\0');
}

void append_colored(std::string& out, Color color, std::string_view text, bool enabled) {
    if (!enabled) {
        out += text;
        return;
    }
    out += escape_of(color);
    out += text;
    out += "\x1b[0m";
}

std::string clean_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const size_t control = control_bytes(text, i);
        if (control == 0) {
            out += text[i];
            ++i;
        } else {
            i += control;
        }
    }
    return out;
}

std::string display_time(UnixNanos t, bool utc) {
    int64_t millis = t.value / 1'000'000;
    if (t.value % 1'000'000 < 0) {
        --millis;
    }
    const int64_t rest = ((millis % 1000) + 1000) % 1000;
    const time_t seconds = (millis - rest) / 1000;
    tm parts{};
    if (utc) {
        gmtime_r(&seconds, &parts);
    } else {
        localtime_r(&seconds, &parts);
    }
    return fmt::format(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        rest
    );
}

UnixNanos nanos_of_seconds(std::string_view seconds) {
    int64_t whole = 0;
    const auto [end, code] =
        std::from_chars(seconds.data(), seconds.data() + seconds.size(), whole);
    if (code != std::errc()) {
        return {};
    }
    int64_t nanos = 0;
    int64_t unit = 100'000'000;
    const auto fraction = seconds.substr(static_cast<size_t>(end - seconds.data()));
    for (size_t i = 1; i < fraction.size() && fraction[0] == '.' && unit > 0; ++i, unit /= 10) {
        if (fraction[i] < '0' || fraction[i] > '9') {
            break;
        }
        nanos += (fraction[i] - '0') * unit;
    }
    return {whole * 1'000'000'000 + (seconds.starts_with('-') ? -nanos : nanos)};
}

std::string grouped(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t at = text.size(); at > 3; at -= 3) {
        text.insert(at - 3, ",");
    }
    return text;
}

Result<void> print(std::string_view text) {
    while (!text.empty()) {
        const auto count = write(STDOUT_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return errno_error(errno, "writing to standard output");
        }
        text.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

Progress::Progress(bool enabled, uint64_t goal)
    : enabled_(enabled),
      goal_(goal),
      started_(io::system_clock().steady_now()),
      shown_at_(started_) {}

Progress::~Progress() {
    finish();
}

void Progress::update(uint64_t rows, uint64_t bytes) {
    if (!enabled_) {
        return;
    }
    const auto now = io::system_clock().steady_now();
    if (now - started_ < 500ms || now - shown_at_ < 100ms) {
        return;
    }
    shown_at_ = now;
    is_shown_ = true;
    constexpr uint64_t kCells = 24;
    const uint64_t done = goal_ == 0 ? 0 : std::min(kCells, rows * kCells / goal_);
    std::string bar;
    for (uint64_t i = 0; i < kCells; ++i) {
        bar += i < done ? "█" : "░";
    }
    const double seconds = std::chrono::duration<double>(now - started_).count();
    write_error(fmt::format(
        "\r\x1b[2K{} {} of at most {} rows, {}, {:.1f} s",
        bar,
        grouped(rows),
        grouped(goal_),
        format_bytes(bytes),
        seconds
    ));
}

void Progress::finish() {
    if (is_shown_) {
        is_shown_ = false;
        write_error("\r\x1b[2K");
    }
}

}  // namespace seyir::ctl

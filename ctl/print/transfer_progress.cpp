// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/transfer_progress.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "ctl/print/terminal.hpp"

namespace seyir::ctl {

using namespace std::chrono_literals;

namespace {

constexpr size_t kBarCells = 20;
constexpr Nanos kQuiet = 500ms;        ///< what ends before shows nothing
constexpr Nanos kRedraw = 200ms;       ///< on a terminal
constexpr Nanos kPlainInterval = 10s;  ///< elsewhere
constexpr Nanos kRateFrom = 1s;        ///< before that a rate says nothing

Nanos whole_seconds(Nanos time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

std::string transfer_text(
    std::string_view label, uint64_t done, uint64_t total, Nanos took, std::string_view more
) {
    std::string out(label);
    if (total > 0) {
        const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
        const auto cells = static_cast<size_t>(part * kBarCells);
        out += fmt::format(
            " [{}{}] {:3}%  {} of {}",
            std::string(cells, '#'),
            std::string(kBarCells - cells, '-'),
            static_cast<int>(part * 100),
            format_bytes(done),
            format_bytes(total)
        );
    } else {
        out += "  " + format_bytes(done);
    }
    if (took >= kRateFrom && done > 0) {
        const double seconds = static_cast<double>(took.count()) / 1e9;
        const double rate = static_cast<double>(done) / seconds;
        out += fmt::format(", {}/s", format_bytes(static_cast<uint64_t>(rate)));
        if (total > done) {
            const double left = static_cast<double>(total - done) / rate;
            const auto nanos = Nanos(static_cast<int64_t>(left * 1e9) + 1'000'000'000);
            out += fmt::format(", {} left", format_duration(whole_seconds(nanos)));
        }
    }
    if (!more.empty()) {
        out += fmt::format("  {}", more);
    }
    return out;
}

TransferProgress::TransferProgress(std::string label, bool enabled)
    : label_(std::move(label)),
      enabled_(enabled),
      is_terminal_(is_terminal(STDERR_FILENO)),
      started_(io::system_clock().steady_now()),
      shown_at_(started_) {}

TransferProgress::~TransferProgress() {
    finish();
}

void TransferProgress::update(uint64_t done, uint64_t total, std::string_view more) {
    const SteadyTime now = io::system_clock().steady_now();
    const Nanos interval = !is_terminal_ ? kPlainInterval : is_shown_ ? kRedraw : kQuiet;
    if (!enabled_ || now - shown_at_ < interval) {
        return;
    }
    shown_at_ = now;
    is_shown_ = true;
    const std::string text = transfer_text(label_, done, total, now - started_, more);
    fprintf(stderr, is_terminal_ ? "\r%s\x1b[K" : "%s\n", text.c_str());
    fflush(stderr);
}

void TransferProgress::finish() {
    if (is_shown_ && is_terminal_) {
        fputs("\r\x1b[K", stderr);
        fflush(stderr);
    }
    is_shown_ = false;
}

}  // namespace seyir::ctl

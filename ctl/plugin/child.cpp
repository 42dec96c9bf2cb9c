// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/child.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace seyir::ctl {
namespace {

constexpr size_t kLinesMax = 10'000;

[[noreturn]] void live_as_child(const std::function<int(ChildReport&)>& work, int fd) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    ChildReport report(fd);
    int status = 1;
    try {
        status = work(report);
    } catch (const std::exception& e) {
        report.line(std::string("an unexpected failure: ") + e.what());
    }
    // Exit handlers of the plugin are not ours to run.
    _exit(status);
}

void take_line(ChildResult& result, std::string_view line) {
    if (line.empty()) {
        return;
    }
    if (line[0] == 'S') {
        result.last_step = line.substr(1);
    } else if (result.lines.size() < kLinesMax) {
        result.lines.emplace_back(line.substr(1));
    }
}

/// Reads until the child closes its end; false at the deadline.
bool read_report(int fd, std::chrono::steady_clock::time_point deadline, ChildResult& result) {
    std::string rest;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now()
        );
        pollfd waiting{fd, POLLIN, 0};
        const int ready = left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready == 0) {
            return false;
        }
        char piece[4096];
        const ssize_t size = ready < 0 ? -1 : read(fd, piece, sizeof piece);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return true;
        }
        rest.append(piece, static_cast<size_t>(size));
        for (size_t end = 0; (end = rest.find('\n')) != std::string::npos;) {
            take_line(result, std::string_view(rest).substr(0, end));
            rest.erase(0, end + 1);
        }
    }
}

}  // namespace

void ChildReport::send(char kind, const std::string& text) {
    std::string line(1, kind);
    for (const char c : text) {
        line += c == '\n' ? ' ' : c;
    }
    line += '\n';
    for (size_t at = 0; at < line.size();) {
        const ssize_t written = write(fd_, line.data() + at, line.size() - at);
        if (written < 0 && errno != EINTR) {
            return;
        }
        at += written < 0 ? 0 : static_cast<size_t>(written);
    }
}

std::string ChildResult::how_it_died() const {
    const std::string step = last_step.empty() ? "starting" : last_step;
    if (is_timeout) {
        return fmt::format("it did not end, and was stopped, while {}", step);
    }
    return fmt::format("it crashed ({}) while {}", strsignal(signal), step);
}

Result<ChildResult> run_in_child(
    const std::function<int(ChildReport&)>& work, std::chrono::seconds timeout
) {
    int ends[2];
    if (pipe(ends) != 0) {
        return errno_error(errno, "making a pipe");
    }
    const pid_t child = fork();
    if (child < 0) {
        return errno_error(errno, "starting a process");
    }
    if (child == 0) {
        close(ends[0]);
        live_as_child(work, ends[1]);
    }
    close(ends[1]);
    ChildResult result;
    result.is_timeout = !read_report(ends[0], std::chrono::steady_clock::now() + timeout, result);
    close(ends[0]);
    if (result.is_timeout) {
        kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return result;
}

}  // namespace seyir::ctl

// SPDX-License-Identifier: Apache-2.0
#include "common/process/signals.hpp"

#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/assert.hpp"

namespace seyir::process {

Signals::Signals(std::initializer_list<int> signals) {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int s : signals) {
        sigaddset(&set, s);
    }
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    SEYIR_ASSERT(fd_ >= 0);
}

Signals::~Signals() {
    ::close(fd_);
}

std::optional<int> Signals::wait(Nanos timeout) {
    pollfd poll_fd{.fd = fd_, .events = POLLIN, .revents = 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    if (::poll(&poll_fd, 1, static_cast<int>(ms)) <= 0) {
        return std::nullopt;
    }
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
        return std::nullopt;
    }
    return static_cast<int>(info.ssi_signo);
}

}  // namespace seyir::process

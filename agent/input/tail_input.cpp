// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"

namespace seyir::agent::input {

namespace {
/// Descriptors this process may have; what is allowed to it and not yet asked for is asked for.
size_t descriptors_max() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    const rlimit wanted{limit.rlim_max, limit.rlim_max};
    return limit.rlim_cur < limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &wanted) == 0
               ? wanted.rlim_cur
               : limit.rlim_cur;
}
}  // namespace

TailInput::TailInput(TailOptions options, TailDeps deps)
    : options_(std::move(options)), deps_(deps) {}

TailInput::~TailInput() {
    stop();
    settle();
    reader_.reset();
    if (wake_fd_ >= 0) {
        ::close(wake_fd_);
    }
}

Result<void> TailInput::start(pipeline::Submit submit) {
    if (auto watch = InotifyWatch::open()) {
        watch_ = *std::move(watch);
    } else {
        log::warn("tail", watch.error().context("going on with the rescan alone").message);
    }
    wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd_ < 0) {
        return errno_error(errno, "making an eventfd");
    }
    // Half: connections, the spool and other inputs need theirs.
    options_.open_files_max =
        std::min(options_.open_files_max, std::max<size_t>(descriptors_max() / 2, 8));
    auto reader = TailReader::make(options_, deps_, watch_.get(), [this] { wake(); });
    if (!reader) {
        return reader.error().context(fmt::format("input {}", options_.id));
    }
    reader_ = *std::move(reader);
    reader_->set_submit(std::move(submit));
    thread_ = std::thread([this] { run(); });
    return {};
}

void TailInput::run() {
    while (!stopping_.load()) {
        const auto began = deps_.clock.steady_now();
        watchdog_.busy(began);
        const Nanos idle = reader_->poll_once();
        if (idle.count() == 0) {
            continue;
        }
        watchdog_.idle();
        wait(idle);
        const Nanos passed = deps_.clock.steady_now() - began;
        const Nanos gap = reader_->wake_gap();
        if (passed < gap && passed < idle && !stopping_.load()) {
            const auto left = std::chrono::ceil<std::chrono::microseconds>(gap - passed);
            ::usleep(static_cast<useconds_t>(std::max<int64_t>(left.count(), 0)));
        }
    }
    reader_->finish();
    watchdog_.idle();
}

void TailInput::wait(Nanos at_most) {
    std::array<pollfd, 2> fds{
        pollfd{wake_fd_, POLLIN, 0}, pollfd{watch_ ? watch_->fd() : -1, POLLIN, 0}
    };
    const timespec timeout{at_most.count() / 1'000'000'000, at_most.count() % 1'000'000'000};
    if (::ppoll(fds.data(), fds.size(), &timeout, nullptr) > 0 && (fds[0].revents & POLLIN) != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
    }
}

void TailInput::wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(wake_fd_, &one, sizeof one);
}

void TailInput::stop() {
    stopping_.store(true);
    if (thread_.joinable()) {
        wake();
        thread_.join();
    }
}

void TailInput::settle() {
    if (reader_ && !thread_.joinable()) {
        reader_->settle();
    }
}

pipeline::ComponentHealth TailInput::health() const {
    if (!reader_) {
        return {false, "not started"};
    }
    const TailStatus status = reader_->status();
    if (!status.complaints.empty()) {
        return {
            false,
            fmt::format("{} ({} in all)", status.complaints.front(), status.complaints.size())
        };
    }
    return {};
}

TailStatus TailInput::status() const {
    return reader_ ? reader_->status() : TailStatus{};
}

pipeline::InputReport TailInput::report() const {
    const TailStatus now = status();
    std::string complaints;
    for (const std::string& complaint : now.complaints) {
        complaints += complaints.empty() ? "" : ",";
        complaints += json_quote(complaint);
    }
    return {
        .lag_bytes = now.lag_bytes,
        .lag_seconds = now.lag_seconds,
        .in_flight_bytes = now.in_flight_bytes,
        .is_at_end = now.scans > 0 && now.lag_bytes == 0 && now.waiting_for_answer == 0,
        .busy_for = watchdog_.busy_for(deps_.clock.steady_now()),
        .details = fmt::format(
            R"("files":{},"ignored":{},"open_files":{},"waiting_for_answer":{},"complaints":[{}])",
            now.files,
            now.ignored_files,
            now.open_files,
            now.waiting_for_answer,
            complaints
        ),
    };
}

}  // namespace seyir::agent::input

// SPDX-License-Identifier: Apache-2.0
#include "agent/input/stdin/stdin_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::agent::input {
namespace {

constexpr size_t kChunkBytes = 256 * kKiB;

}  // namespace

/// The batches no output has taken. Tokens share it: they may outlive the input.
class StdinInput::Sender : public std::enable_shared_from_this<Sender> {
  public:
    Sender(pipeline::Submit submit, int wake_fd, io::Clock& clock)
        : submit_(std::move(submit)), wake_fd_(wake_fd), clock_(clock) {}

    ~Sender() { ::close(wake_fd_); }

    int wake_fd() const { return wake_fd_; }

    void wake() const {
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t put = ::write(wake_fd_, &one, sizeof one);
    }

    void send(std::shared_ptr<RecordBatch> batch) {
        const uint64_t bytes = batch->memory_bytes();
        pipeline::Submit submit;
        {
            const std::lock_guard lock(mutex_);
            held_bytes_ += bytes;
            submit = submit_;
        }
        if (!submit) {
            return;
        }
        const uint64_t number = oldest_.begin(clock_.steady_now());
        batch->set_ack(AckToken([self = shared_from_this(),
                                 kept = RecordBatchPtr(batch),
                                 number,
                                 bytes](const DeliveryReport& report) mutable {
            self->oldest_.end(number);
            self->answered(std::exchange(kept, nullptr), bytes, report);
        }));
        submit(std::move(batch));
    }

    /// Hands on again what no output took.
    void send_again() {
        std::deque<RecordBatchPtr> again;
        {
            const std::lock_guard lock(mutex_);
            again.swap(again_);
        }
        for (const RecordBatchPtr& batch : again) {
            send(std::make_shared<RecordBatch>(clone_rows({batch, {}})));
            const std::lock_guard lock(mutex_);
            held_bytes_ -= batch->memory_bytes();
        }
    }

    /// Nothing is handed on from here on; the rows nobody has taken.
    void stop() {
        const std::lock_guard lock(mutex_);
        submit_ = nullptr;
    }

    uint64_t held_bytes() const {
        const std::lock_guard lock(mutex_);
        return held_bytes_;
    }

    double oldest_seconds() const { return oldest_.age_seconds(clock_.steady_now()); }

    bool has_failed() const {
        const std::lock_guard lock(mutex_);
        return !again_.empty();
    }

  private:
    void answered(const RecordBatchPtr& batch, uint64_t bytes, const DeliveryReport& report) {
        const bool is_safe =
            report.outcome != Outcome::kRetry && report.outcome != Outcome::kRewind;
        {
            const std::lock_guard lock(mutex_);
            if (is_safe) {
                held_bytes_ -= bytes;
            } else if (submit_) {
                held_bytes_ += batch->memory_bytes() - bytes;
                again_.push_back(batch);
            } else {
                held_bytes_ -= bytes;
                log::warn(
                    "stdin",
                    "lines were read and no output had taken them at the stop",
                    {{"lines", std::to_string(batch->row_count())}}
                );
            }
        }
        wake();
    }

    mutable std::mutex mutex_;
    pipeline::Submit submit_;
    const int wake_fd_;
    io::Clock& clock_;
    pipeline::OldestUnanswered oldest_;
    uint64_t held_bytes_ = 0;
    std::deque<RecordBatchPtr> again_;
};

StdinInput::StdinInput(StdinSetup setup, io::Clock& clock, metrics::Registry& registry)
    : setup_(std::move(setup)),
      clock_(clock),
      lines_(registry.counter("seyir_stdin_lines_total", "Lines read.", {{"input", setup_.id}})),
      bytes_(registry.counter("seyir_stdin_bytes_total", "Bytes read.", {{"input", setup_.id}})),
      split_lines_(registry.counter(
          "seyir_stdin_split_lines_total",
          "Lines longer than max_line, which became several records.",
          {{"input", setup_.id}}
      )),
      batcher_(setup_.labels, setup_.max_line_bytes),
      chunk_(kChunkBytes, '\0') {}

StdinInput::~StdinInput() {
    stop();
}

Result<void> StdinInput::start(pipeline::Submit submit) {
    const int wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        return errno_error(errno, "making an eventfd");
    }
    sender_ = std::make_shared<Sender>(std::move(submit), wake_fd, clock_);
    thread_ = std::thread([this] { run(); });
    return {};
}

void StdinInput::run() {
    pthread_setname_np(pthread_self(), "stdin");
    bool has_ended = false;
    bool has_told = false;
    while (!stopping_.load()) {
        const bool may_read = !has_ended && sender_->held_bytes() < setup_.in_flight_bytes_max;
        watchdog_.idle();
        wait(may_read);
        watchdog_.busy(clock_.steady_now());
        if (may_read && !stopping_.load() && !read_some()) {
            has_ended = true;
            has_ended_.store(true);
            batcher_.end(clock_.wall_now());
            hand_on();
        }
        const bool is_due = clock_.steady_now() - batch_began_ >= setup_.batch_delay;
        if (!batcher_.empty() && (is_due || batcher_.raw_bytes() >= setup_.batch_raw_bytes)) {
            hand_on();
        }
        if (sender_->has_failed()) {
            sender_->send_again();
        }
        if (has_ended && sender_->held_bytes() == 0 && !std::exchange(has_told, true)) {
            log::info("stdin", "the input has ended", {{"input", setup_.id}});
            if (setup_.on_end) {
                setup_.on_end();
            }
        }
    }
    hand_on();
    sender_->stop();
    watchdog_.idle();
}

/// For bytes, an answer or stop(); at most until the batch or the next attempt is due.
void StdinInput::wait(bool may_read) {
    Nanos at_most = std::chrono::hours(1);
    if (!batcher_.empty()) {
        at_most = setup_.batch_delay - (clock_.steady_now() - batch_began_);
    }
    std::array<pollfd, 2> fds{
        pollfd{sender_->wake_fd(), POLLIN, 0}, pollfd{may_read ? setup_.fd : -1, POLLIN, 0}
    };
    if (sender_->has_failed()) {
        at_most = std::min(at_most, setup_.retry_after);
        fds[0].fd = -1;  // its answer has waked us already: now the time must pass
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Nanos(0)));
    ::poll(fds.data(), fds.size(), static_cast<int>(ms.count()));
    if ((fds[0].revents & POLLIN) != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(sender_->wake_fd(), &count, sizeof count);
    }
}

bool StdinInput::read_some() {
    pollfd ready{setup_.fd, POLLIN, 0};
    if (::poll(&ready, 1, 0) <= 0) {
        return true;
    }
    const ssize_t got = ::read(setup_.fd, chunk_.data(), chunk_.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return true;
    }
    if (got <= 0) {
        read_error_.store(got < 0 ? errno : 0);
        return false;
    }
    if (batcher_.empty()) {
        batch_began_ = clock_.steady_now();
    }
    bytes_.add(static_cast<uint64_t>(got));
    const uint64_t split_before = batcher_.split_lines();
    batcher_.add({chunk_.data(), static_cast<size_t>(got)}, clock_.wall_now());
    split_lines_.add(batcher_.split_lines() - split_before);
    return true;
}

void StdinInput::hand_on() {
    if (!batcher_.empty()) {
        auto batch = batcher_.take();
        lines_.add(batch->row_count());
        sender_->send(std::move(batch));
    }
}

void StdinInput::stop() {
    if (sender_ == nullptr || stopping_.exchange(true)) {
        return;
    }
    sender_->wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

pipeline::ComponentHealth StdinInput::health() const {
    if (const int error = read_error_.load(); error != 0) {
        return {false, fmt::format("reading failed: {}", strerror(error))};
    }
    if (sender_ != nullptr && sender_->held_bytes() >= setup_.in_flight_bytes_max) {
        return {
            false,
            fmt::format(
                "{} wait for the outputs, the limit: who writes into the pipe waits",
                format_bytes(sender_->held_bytes())
            )
        };
    }
    return {};
}

pipeline::InputReport StdinInput::report() const {
    if (sender_ == nullptr) {
        return {};
    }
    int in_pipe = 0;
    const bool is_pipe = !has_ended_.load() && ::ioctl(setup_.fd, FIONREAD, &in_pipe) == 0;
    const uint64_t held_bytes = sender_->held_bytes();
    return {
        .lag_bytes = held_bytes + (is_pipe ? static_cast<uint64_t>(std::max(in_pipe, 0)) : 0),
        .lag_seconds = sender_->oldest_seconds(),
        .in_flight_bytes = held_bytes,
        .is_at_end = has_ended_.load(),
        .busy_for = watchdog_.busy_for(clock_.steady_now()),
        .details = "",
    };
}

}  // namespace seyir::agent::input

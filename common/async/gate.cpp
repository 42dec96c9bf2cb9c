// SPDX-License-Identifier: Apache-2.0
#include "common/async/gate.hpp"

#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/base/log.hpp"

namespace seyir::async {

namespace asio = boost::asio;

namespace {

struct Task {
    std::string name;
    Executor executor;
    asio::cancellation_signal signal;  // touched on `executor` only
};

std::string exception_text(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "not a std::exception";
    }
}

Awaitable<void> run_task(Awaitable<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await std::move(task);
}

}  // namespace

struct Gate::State {
    mutable std::mutex mutex;
    std::condition_variable empty;
    std::list<std::shared_ptr<Task>> tasks;
    bool closed = false;

    void remove(const std::shared_ptr<Task>& task) {
        const std::lock_guard lock(mutex);
        tasks.remove(task);
        if (tasks.empty()) {
            empty.notify_all();
        }
    }
};

Gate::Gate() : state_(std::make_shared<State>()) {}

Gate::~Gate() {
    close();
    cancel();
    std::unique_lock lock(state_->mutex);
    state_->empty.wait(lock, [this] { return state_->tasks.empty(); });
}

Result<void> Gate::spawn(Executor executor, std::string name, Awaitable<void> task) {
    auto entry = std::make_shared<Task>();
    entry->name = std::move(name);
    entry->executor = executor;
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closed) {
            return fail(ErrorCode::kClosed, entry->name + ": not started, shutting down");
        }
        state_->tasks.push_back(entry);
    }
    auto finished = [state = state_, entry](std::exception_ptr exception) {
        if (exception) {
            log::error(
                "async",
                "a task ended with an exception",
                {{"task", entry->name}, {"what", exception_text(exception)}}
            );
        }
        state->remove(entry);
    };
    asio::co_spawn(
        executor,
        run_task(std::move(task)),
        asio::bind_cancellation_slot(entry->signal.slot(), std::move(finished))
    );
    return {};
}

void Gate::close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
}

void Gate::cancel() {
    const std::lock_guard lock(state_->mutex);
    for (const auto& task : state_->tasks) {
        asio::post(task->executor, [task] { task->signal.emit(asio::cancellation_type::all); });
    }
}

bool Gate::closed() const {
    const std::lock_guard lock(state_->mutex);
    return state_->closed;
}

size_t Gate::running() const {
    const std::lock_guard lock(state_->mutex);
    return state_->tasks.size();
}

Result<void> Gate::drain(SteadyTime deadline) {
    std::unique_lock lock(state_->mutex);
    if (state_->empty.wait_until(lock, deadline, [this] { return state_->tasks.empty(); })) {
        return {};
    }
    std::string names;
    for (const auto& task : state_->tasks) {
        names += (names.empty() ? "" : ", ") + task->name;
    }
    return fail(ErrorCode::kTimeout, "still running at the deadline: " + names);
}

Result<void> Gate::stop(SteadyTime deadline) {
    close();
    cancel();
    return drain(deadline);
}

}  // namespace seyir::async

// SPDX-License-Identifier: Apache-2.0
#include "common/async/event.hpp"

#include <atomic>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace seyir::async {

namespace asio = boost::asio;

namespace {

bool is_cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

struct Event::State {
    explicit State(Executor e) : executor(e), timer(e) {}

    Executor executor;
    asio::steady_timer timer;  // touched on `executor` only
    std::atomic<bool> is_set{false};
};

Event::Event(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

Event::~Event() = default;

void Event::set() {
    // Already set: the waiter was, or will be, woken by whoever set it.
    if (!state_->is_set.exchange(true)) {
        asio::post(state_->executor, [state = state_] { state->timer.cancel(); });
    }
}

Awaitable<Result<void>> Event::wait(SteadyTime deadline) {
    auto state = state_;
    while (!state->is_set.exchange(false)) {
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (is_cancelled(cancellation)) {
            co_return fail(ErrorCode::kCancelled, "told to stop");
        }
        state->timer.expires_at(deadline);
        auto [code] = co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!code && !state->is_set.load()) {
            co_return fail(ErrorCode::kTimeout, "the deadline passed");
        }
    }
    co_return Result<void>{};
}

Awaitable<void> Event::wait_uncancelled() {
    auto state = state_;
    while (!state->is_set.exchange(false)) {
        state->timer.expires_at(SteadyTime::max());
        [[maybe_unused]] auto [code] =
            co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

Awaitable<Result<void>> sleep_until(SteadyTime deadline) {
    auto executor = co_await asio::this_coro::executor;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) {
        co_return fail(ErrorCode::kCancelled, "told to stop");
    }
    asio::steady_timer timer(executor, deadline);
    auto [code] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (code) {
        co_return fail(ErrorCode::kCancelled, "told to stop");
    }
    co_return Result<void>{};
}

}  // namespace seyir::async

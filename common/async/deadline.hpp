// SPDX-License-Identifier: Apache-2.0
// with_deadline(work, deadline): cancels the work when the deadline passes and answers kTimeout.
// One place for the timer race: Asio's `||` costs seconds of compile time in every file that uses
// it. Errors: kTimeout; kCancelled when the caller is cancelled; the work's own. Requires: on
// cancellation the work ends by itself (everything of common/async and common/net does).
#pragma once

#include <exception>
#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/async/awaitable.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::async {

namespace detail {

struct DeadlineRace {
    DeadlineRace(const Executor& executor, SteadyTime deadline) : timer(executor, deadline) {}

    boost::asio::steady_timer timer;
    boost::asio::cancellation_signal signal;
    bool expired = false;
    bool finished = false;
};

template <class T>
Awaitable<Result<T>> keep_errors_values(Awaitable<Result<T>> work) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await boost::asio::this_coro::reset_cancellation_state(
        boost::asio::enable_total_cancellation()
    );
    auto result = co_await std::move(work);
    co_return std::move(result);
}

}  // namespace detail

template <class T>
Awaitable<Result<T>> with_deadline(Awaitable<Result<T>> work, SteadyTime deadline) {
    namespace asio = boost::asio;
    auto executor = co_await asio::this_coro::executor;
    auto outer = co_await asio::this_coro::cancellation_state;
    if (outer.cancelled() != asio::cancellation_type::none) {
        co_return fail(ErrorCode::kCancelled, "told to stop");
    }
    auto race = std::make_shared<detail::DeadlineRace>(executor, deadline);
    race->timer.async_wait([race](const boost::system::error_code& code) {
        if (!code && !race->finished) {
            race->expired = true;
            race->signal.emit(asio::cancellation_type::all);
        }
    });
    auto outer_slot = outer.slot();
    if (outer_slot.is_connected()) {
        outer_slot.assign([race](asio::cancellation_type type) { race->signal.emit(type); });
    }
    auto guarded = detail::keep_errors_values(std::move(work));
    auto token =
        asio::bind_cancellation_slot(race->signal.slot(), asio::as_tuple(asio::use_awaitable));
    auto [exception, result] = co_await asio::co_spawn(executor, std::move(guarded), token);
    race->finished = true;
    race->timer.cancel();
    if (outer_slot.is_connected()) {
        outer_slot.clear();
    }
    if (exception) {
        co_return fail(ErrorCode::kInternal, "the awaited work ended with an exception");
    }
    if (race->expired && !result && result.error().code == ErrorCode::kCancelled) {
        co_return fail(ErrorCode::kTimeout, "the deadline passed");
    }
    co_return std::move(result);
}

}  // namespace seyir::async

// SPDX-License-Identifier: Apache-2.0
// offload(pool, fn): runs fn on a pool and resumes the coroutine on its own executor with what fn
// returned. `auto synced = co_await offload(pool, std::move(work));`
// Errors: kBackpressure and kClosed of the pool; fn's own. fn returns Result<T>.
// Not cancellable: fn runs to its end, so what it references stays valid while the caller waits.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "common/async/awaitable.hpp"
#include "common/async/event.hpp"
#include "common/async/thread_pool.hpp"
#include "common/base/result.hpp"

namespace seyir::async {

namespace detail {

/// Says "done" when it goes, also when a stopped pool destroys its job unrun.
struct SetOnExit {
    std::shared_ptr<Event> event;

    explicit SetOnExit(std::shared_ptr<Event> e) : event(std::move(e)) {}

    SetOnExit(SetOnExit&&) = default;
    SetOnExit& operator=(SetOnExit&&) = delete;

    ~SetOnExit() {
        if (event) {
            event->set();
        }
    }
};

}  // namespace detail

template <class Function, class R = std::invoke_result_t<Function&>>
Awaitable<R> offload(ThreadPool& pool, Function function) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto done = std::make_shared<Event>(executor);
    auto result = std::make_shared<std::optional<R>>();
    Job job = [result, function = std::move(function), guard = detail::SetOnExit(done)]() mutable {
        const auto finished = std::move(guard);
        result->emplace(function());
    };
    auto posted = pool.post(std::move(job));
    if (!posted) {
        co_return R(std::move(posted).error());
    }
    co_await done->wait_uncancelled();
    if (!result->has_value()) {
        co_return R(fail(ErrorCode::kClosed, pool.name() + " pool: shutting down"));
    }
    co_return std::move(**result);
}

}  // namespace seyir::async

// SPDX-License-Identifier: Apache-2.0
// Awaitable<T>: what a coroutine of ours returns. Named functions or members only; parameters by
// value or references the awaiting caller owns; one `co_await` per statement, its result named.
// Why: style rules for coroutines in common/async/README.md.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace seyir::async {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

/// Where a coroutine runs. Everything on one executor of a Runtime runs on one thread.
using Executor = boost::asio::any_io_executor;

}  // namespace seyir::async

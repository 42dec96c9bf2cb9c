// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "common/async/deadline.hpp"
#include "common/async/event.hpp"
#include "common/async/gate.hpp"
#include "common/async/offload.hpp"
#include "common/async/queue.hpp"
#include "common/async/runtime.hpp"
#include "common/async/thread_pool.hpp"

using namespace std::chrono_literals;
using namespace seyir;
using namespace seyir::async;

namespace {

SteadyTime in(Nanos delay) {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay);
}

Awaitable<void> wait_for(Event& event, std::promise<Result<void>>& seen, SteadyTime deadline) {
    auto result = co_await event.wait(deadline);
    seen.set_value(std::move(result));
}

Awaitable<Result<int>> add_after(Event& event, int a, int b) {
    auto waited = co_await event.wait();
    if (!waited) {
        co_return std::move(waited).error();
    }
    co_return a + b;
}

Awaitable<void> race(Event& event, SteadyTime deadline, std::promise<Result<int>>& seen) {
    auto work = add_after(event, 20, 22);
    auto result = co_await with_deadline(std::move(work), deadline);
    seen.set_value(std::move(result));
}

Awaitable<void> offload_id(ThreadPool& pool, std::promise<Result<std::thread::id>>& seen) {
    auto work = []() -> Result<std::thread::id> { return std::this_thread::get_id(); };
    auto result = co_await offload(pool, work);
    seen.set_value(std::move(result));
}

Awaitable<void> throw_text() {
    throw std::runtime_error("out of cheese");
    co_return;
}

}  // namespace

TEST_SUITE("common/async/gate") {
    TEST_CASE("a closed gate refuses new tasks and stop waits for those that run") {
        Runtime runtime("test");
        Event event(runtime.executor(0));
        std::promise<Result<void>> seen;
        Gate gate;
        REQUIRE(gate.spawn(runtime.executor(0), "waiter", wait_for(event, seen, SteadyTime::max()))
        );
        CHECK(gate.running() == 1);
        CHECK(gate.stop(in(10s)));
        CHECK(gate.running() == 0);
        const auto result = seen.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kCancelled);
        std::promise<Result<void>> never;
        const auto late =
            gate.spawn(runtime.executor(0), "late", wait_for(event, never, SteadyTime::max()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == ErrorCode::kClosed);
    }

    TEST_CASE("a drain that runs out of time names the tasks that still run") {
        Runtime runtime("test");
        Event event(runtime.executor(0));
        std::promise<Result<void>> seen;
        Gate gate;
        REQUIRE(
            gate.spawn(runtime.executor(0), "slow one", wait_for(event, seen, SteadyTime::max()))
        );
        const auto drained = gate.drain(in(1ms));
        REQUIRE_FALSE(drained);
        CHECK(drained.error().message == "still running at the deadline: slow one");
        event.set();
        CHECK(gate.drain(in(10s)));
    }

    TEST_CASE("an exception out of a task ends that task only") {
        Runtime runtime("test");
        Gate gate;
        REQUIRE(gate.spawn(runtime.executor(0), "thrower", throw_text()));
        REQUIRE(gate.drain(in(10s)));
        Event event(runtime.executor(0));
        std::promise<Result<void>> seen;
        REQUIRE(gate.spawn(runtime.executor(0), "next", wait_for(event, seen, in(10s))));
        event.set();
        CHECK(seen.get_future().get());
        REQUIRE(gate.drain(in(10s)));
    }
}

TEST_SUITE("common/async/event") {
    TEST_CASE("a set before the wait is not lost and a wait without set ends at its deadline") {
        Runtime runtime("test");
        Gate gate;
        Event event(runtime.executor(0));
        event.set();
        event.set();
        std::promise<Result<void>> first;
        REQUIRE(gate.spawn(runtime.executor(0), "first", wait_for(event, first, in(10s))));
        CHECK(first.get_future().get());
        std::promise<Result<void>> second;
        REQUIRE(gate.spawn(runtime.executor(0), "second", wait_for(event, second, in(1ms))));
        const auto result = second.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kTimeout);
        REQUIRE(gate.drain(in(10s)));
    }
}

TEST_SUITE("common/async/deadline") {
    TEST_CASE("work that ends in time gives its value and work that does not gives kTimeout") {
        Runtime runtime("test");
        Gate gate;
        Event event(runtime.executor(0));
        std::promise<Result<int>> late;
        REQUIRE(gate.spawn(runtime.executor(0), "late", race(event, in(1ms), late)));
        const auto timed_out = late.get_future().get();
        REQUIRE_FALSE(timed_out);
        CHECK(timed_out.error().code == ErrorCode::kTimeout);
        std::promise<Result<int>> timely;
        REQUIRE(gate.spawn(runtime.executor(0), "timely", race(event, in(10s), timely)));
        event.set();
        const auto value = timely.get_future().get();
        REQUIRE(value);
        CHECK(*value == 42);
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("cancelling the caller cancels the work it waits for") {
        Runtime runtime("test");
        Gate gate;
        Event event(runtime.executor(0));
        std::promise<Result<int>> seen;
        REQUIRE(gate.spawn(runtime.executor(0), "outer", race(event, in(60s), seen)));
        REQUIRE(gate.stop(in(10s)));
        const auto result = seen.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kCancelled);
    }
}

TEST_SUITE("common/async/thread_pool") {
    TEST_CASE("offloaded work runs on the pool and a stopped pool answers kClosed") {
        Runtime runtime("test");
        Gate gate;
        ThreadPool pool("pool", 1);
        std::promise<Result<std::thread::id>> seen;
        REQUIRE(gate.spawn(runtime.executor(0), "work", offload_id(pool, seen)));
        const auto id = seen.get_future().get();
        REQUIRE(id);
        CHECK(*id != std::this_thread::get_id());
        pool.stop();
        std::promise<Result<std::thread::id>> refused;
        REQUIRE(gate.spawn(runtime.executor(0), "refused", offload_id(pool, refused)));
        const auto closed = refused.get_future().get();
        REQUIRE_FALSE(closed);
        CHECK(closed.error().code == ErrorCode::kClosed);
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("work that still waits when the pool stops is answered, not forgotten") {
        Runtime runtime("test");
        Gate gate;
        ThreadPool pool("pool", 1);
        std::promise<void> started;
        std::promise<void> release;
        REQUIRE(pool.post([&] {
            started.set_value();
            release.get_future().wait();
        }));
        started.get_future().wait();
        std::promise<Result<std::thread::id>> seen;
        REQUIRE(gate.spawn(runtime.executor(0), "waits", offload_id(pool, seen)));
        std::promise<void> spawned;
        Event marker(runtime.executor(0));
        std::promise<Result<void>> marked;
        marker.set();
        REQUIRE(gate.spawn(runtime.executor(0), "mark", wait_for(marker, marked, in(10s))));
        REQUIRE(marked.get_future().get());
        CHECK(pool.waiting() == 1);
        std::thread stopper([&] { pool.stop(); });
        const auto result = seen.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kClosed);
        release.set_value();
        stopper.join();
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("a full pool refuses and names its limit") {
        std::promise<void> started;
        std::promise<void> release;
        ThreadPool pool("tiny", 1, 1);  // after what its job uses
        REQUIRE(pool.post([&] {
            started.set_value();
            release.get_future().wait();
        }));
        started.get_future().wait();
        REQUIRE(pool.post([] {}));
        const auto refused = pool.post([] {});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::kBackpressure);
        CHECK(refused.error().message == "tiny pool: 1 jobs are waiting already");
        release.set_value();
    }
}

TEST_SUITE("common/async/queue") {
    TEST_CASE("the byte budget holds, an oversized item passes alone, close drains") {
        Queue<std::string> queue(10);
        REQUIRE(queue.try_push("a", 6));
        const auto full = queue.try_push("b", 6);
        REQUIRE_FALSE(full);
        CHECK(full.error().code == ErrorCode::kBackpressure);
        CHECK(queue.push("b", 6, in(1ms)).error().code == ErrorCode::kTimeout);
        CHECK(*queue.pop() == "a");
        REQUIRE(queue.try_push("big", 100));
        CHECK(queue.bytes() == 100);
        queue.close();
        CHECK(*queue.pop() == "big");
        CHECK(queue.pop().error().code == ErrorCode::kClosed);
        CHECK(queue.push("late", 1).error().code == ErrorCode::kClosed);
    }

    TEST_CASE("a producer that waits goes on when a consumer makes room") {
        Queue<int> queue(1);
        std::thread producer([&] {
            for (int i = 0; i < 1000; ++i) {
                CHECK(queue.push(i, 1, in(30s)));
            }
        });
        for (int i = 0; i < 1000; ++i) {
            auto item = queue.pop(in(30s));
            REQUIRE(item);
            CHECK(*item == i);
        }
        producer.join();
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "common/async/runtime.hpp"

#include <exception>
#include <thread>

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "common/base/log.hpp"

namespace seyir::async {

namespace asio = boost::asio;

struct Runtime::Worker {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    std::thread thread;

    void run() {
        // A handler that throws is a bug of ours; the other connections must not pay for it.
        while (!context.stopped()) {
            try {
                context.run();
            } catch (const std::exception& e) {
                log::error("async", "a handler ended with an exception", {{"what", e.what()}});
            }
        }
    }
};

Runtime::Runtime(std::string name, size_t threads) {
    name.resize(std::min<size_t>(name.size(), 15));
    for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread([&worker, name] {
            pthread_setname_np(pthread_self(), name.c_str());
            worker.run();
        });
    }
}

Runtime::~Runtime() {
    stop();
}

Executor Runtime::executor() {
    return executor(next_.fetch_add(1, std::memory_order_relaxed));
}

Executor Runtime::executor(size_t index) {
    return workers_[index % workers_.size()]->context.get_executor();
}

void Runtime::stop() {
    for (auto& worker : workers_) {
        worker->guard.reset();
        worker->context.stop();
    }
    for (auto& worker : workers_) {
        if (worker->thread.joinable()) {
            worker->thread.join();
        }
    }
}

}  // namespace seyir::async

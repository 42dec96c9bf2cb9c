// SPDX-License-Identifier: Apache-2.0
// A real HTTP server on loopback that keeps what it is sent and answers as told, and an output made
// from YAML. Threads: the server's own; what it saw is guarded.
#pragma once

#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/async/runtime.hpp"
#include "common/net/server/http_server.hpp"
#include "test/support/plan_output.hpp"
#include "test/support/rows.hpp"

namespace seyir::test {

class Receiver {
  public:
    explicit Receiver(std::shared_ptr<net::TlsServerContext> tls = nullptr) {
        net::HttpServerOptions options;
        options.listen = {.host = "127.0.0.1"};
        options.tls = std::move(tls);
        server_ = std::make_unique<net::HttpServer>(runtime_, lanes_, registry_, options);
        server_->add_route(
            {"*",
             "/hook",
             net::Scope::kNone,
             net::Lane::kIngest,
             [this](net::HttpExchangePtr exchange) {
                 net::HttpResponse response = net::HttpResponse::text(200, "ok");
                 {
                     const std::lock_guard lock(mutex_);
                     seen_.push_back(exchange->request());
                     if (!answers_.empty()) {
                         response = answers_.front();
                         answers_.pop_front();
                     }
                 }
                 exchange->respond(std::move(response));
             }}
        );
        REQUIRE(server_->start());
    }

    ~Receiver() {
        server_.reset();
        lanes_.stop();
    }

    std::string url(const std::string& scheme = "http") const {
        return scheme + "://127.0.0.1:" + std::to_string(server_->local().port) +
               "/hook?token=url-secret";
    }

    /// The next answer; 200 when none is left.
    void answer(int status, const std::string& body, net::HttpHeaders headers = {}) {
        net::HttpResponse response = net::HttpResponse::text(status, body);
        response.headers = std::move(headers);
        const std::lock_guard lock(mutex_);
        answers_.push_back(std::move(response));
    }

    std::vector<net::HttpRequest> seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

    void stop() { server_.reset(); }

  private:
    async::Runtime runtime_{"test", 1};
    metrics::Registry registry_;
    net::HttpLanes lanes_;
    std::unique_ptr<net::HttpServer> server_;
    mutable std::mutex mutex_;
    std::vector<net::HttpRequest> seen_;
    std::deque<net::HttpResponse> answers_;
};

/// An output from its keys, started.
class RunningOutput {
  public:
    RunningOutput(const component::OutputType& type, const std::string& yaml) {
        PlannedOutput planned = plan_output(type, yaml);
        for (const std::string& problem : planned.problems) {
            MESSAGE(problem);
        }
        REQUIRE(planned.plan != nullptr);
        CHECK(planned.plan->buffer_default() == component::BufferDefault::kDisk);
        auto made = planned.plan->instantiate(
            {"out",
             registry,
             io::system_clock(),
             io::posix_file_system(),
             "/nonexistent",
             "host.example"}
        );
        REQUIRE(made.has_value());
        output = std::move(*made);
        REQUIRE(output->start());
    }

    ~RunningOutput() { output->stop(std::chrono::steady_clock::now()); }

    std::future<DeliveryReport> deliver(BatchView view) {
        auto promise = std::make_shared<std::promise<DeliveryReport>>();
        auto answer = promise->get_future();
        output->deliver(std::move(view), [promise](DeliveryReport report) {
            promise->set_value(std::move(report));
        });
        return answer;
    }

    DeliveryReport send(const std::vector<PlainRow>& rows) {
        auto answer = deliver({make_batch(rows), {}});
        REQUIRE(answer.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
        return answer.get();
    }

    metrics::Registry registry;
    std::unique_ptr<pipeline::Output> output;
};

inline PlainRow row_of(const std::string& line) {
    return {
        .labels = {{"app", "shop"}},
        .ts_ns = 1'767'225'600'000'000'000,
        .line = line,
        .metadata = {{"alert.name", "a"}}
    };
}

}  // namespace seyir::test

// SPDX-License-Identifier: Apache-2.0
// FakeExchange: an HttpExchange without a server; collects what a handler answers.
// Threads: one; the answer and messages of a websocket may come from another.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/net/http.hpp"

namespace seyir::test {

class FakeExchange final : public net::HttpExchange {
  public:
    explicit FakeExchange(net::HttpRequest request) : request_(std::move(request)) {}

    const net::HttpRequest& request() const override { return request_; }

    void respond(net::HttpResponse response) override {
        answer = std::move(response);
        ++answers;
    }

    void begin_stream(net::HttpResponse head) override {
        answer = std::move(head);
        answer.body.clear();
        ++answers;
        streamed = true;
    }

    Result<void> write(std::string_view piece) override {
        if (gone) {
            return fail(ErrorCode::kClosed, "client gone");
        }
        largest_piece = std::max(largest_piece, piece.size());
        answer.body += piece;
        return {};
    }

    void end_stream() override { ended = true; }

    Result<void> begin_websocket() override {
        if (!is_upgrade) {
            return fail(ErrorCode::kInvalidArgument, "no upgrade");
        }
        ++answers;
        answer.status = 101;
        return {};
    }

    Result<void> try_message(std::string_view text) override {
        if (gone) {
            return fail(ErrorCode::kClosed, "client gone");
        }
        const std::lock_guard lock(mutex);
        if (messages.size() >= messages_max) {
            return fail(ErrorCode::kBackpressure, "client slow");
        }
        messages.emplace_back(text);
        return {};
    }

    void end_websocket(uint16_t code, std::string_view) override { close_code = code; }

    bool cancelled() const override { return gone; }

    net::HttpResponse answer{.status = 0};
    std::atomic<int> answers = 0;  ///< after the answer: who sees it may read `answer`
    bool streamed = false;
    bool ended = false;
    std::atomic<bool> gone = false;
    bool is_upgrade = true;
    std::atomic<uint16_t> close_code = 0;
    std::mutex mutex;
    std::vector<std::string> messages;            ///< under mutex
    std::atomic<size_t> messages_max = SIZE_MAX;  ///< more are refused: a slow client
    size_t largest_piece = 0;

  private:
    net::HttpRequest request_;
};

/// Runs the route that fits; a wildcard segment is matched as the server does.
inline std::shared_ptr<FakeExchange> call(
    const std::vector<net::HttpRoute>& routes, net::HttpRequest request
) {
    for (const net::HttpRoute& route : routes) {
        if (route.method != "*" && route.method != request.method) {
            continue;
        }
        const size_t open = route.path.find('{');
        if (open == std::string::npos) {
            if (route.path != request.path) {
                continue;
            }
        } else {
            const std::string rest = route.path.substr(route.path.find('}') + 1);
            if (!request.path.starts_with(route.path.substr(0, open)) ||
                !request.path.ends_with(rest)) {
                continue;
            }
            request.wildcard = request.path.substr(open, request.path.size() - open - rest.size());
        }
        auto exchange = std::make_shared<FakeExchange>(std::move(request));
        route.handler(exchange);
        return exchange;
    }
    auto exchange = std::make_shared<FakeExchange>(std::move(request));
    exchange->respond(net::HttpResponse::text(404, "no such route"));
    return exchange;
}

inline std::shared_ptr<FakeExchange> get(
    const std::vector<net::HttpRoute>& routes,
    std::string path,
    std::vector<std::pair<std::string, std::string>> query,
    net::HttpHeaders headers = {}
) {
    net::HttpRequest request{.method = "GET", .path = std::move(path)};
    request.query = std::move(query);
    request.headers = std::move(headers);
    return call(routes, std::move(request));
}

}  // namespace seyir::test

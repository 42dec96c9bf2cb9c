// SPDX-License-Identifier: Apache-2.0
// HttpConnection: one client. A reading task keeps a read under way (so that a client that leaves
// is noticed while its query runs); the serving task answers requests one after the other.
// Threads: the stream's executor.   Ownership: kept alive by its two tasks.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "common/net/http/request_reader.hpp"
#include "common/net/http/websocket.hpp"
#include "common/net/server/answer_queue.hpp"
#include "common/net/server/http_server_shared.hpp"

namespace seyir::net {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
  public:
    HttpConnection(HttpServer::Shared& shared, Stream stream, PeerShare::Place place);

    /// Serves until the client leaves, an error, or the server stops.
    static async::Awaitable<void> serve(std::shared_ptr<HttpConnection> connection);

    /// Thread-safe: closes as soon as no request is under way.
    void begin_drain();

  private:
    struct Request;

    async::Awaitable<void> run();
    static async::Awaitable<void> read_all(std::shared_ptr<HttpConnection> connection);
    async::Awaitable<void> read_loop();
    async::Awaitable<bool> serve_one();
    async::Awaitable<bool> receive(Request& request);
    async::Awaitable<bool> allow(Request& request);
    async::Awaitable<bool> answer(Request& request, std::shared_ptr<AnswerQueue> queue);
    async::Awaitable<bool> stream(
        Request& request, std::shared_ptr<AnswerQueue> queue, HttpResponse head
    );
    async::Awaitable<void> websocket(std::string head, std::shared_ptr<AnswerQueue> queue);
    async::Awaitable<bool> answer_frames(WebSocketReader& reader);
    async::Awaitable<bool> keep_alive(SteadyTime heard, bool& is_asked);
    async::Awaitable<bool> send_control(WebSocketOpcode opcode, std::string payload);
    async::Awaitable<bool> send_whole(Request& request, HttpResponse response);
    async::Awaitable<bool> send_piece(Request& request, std::string piece);
    async::Awaitable<bool> send(std::string head, std::string_view body);
    async::Awaitable<void> linger();

    std::shared_ptr<AnswerQueue> dispatch(Request& request);
    std::string response_head(const Request& request, const HttpResponse& response, bool is_stream)
        const;
    void expect_more(const Request& request);

    HttpServer::Shared& shared_;
    const PeerShare::Place place_;
    Stream stream_;
    std::shared_ptr<async::Event> changed_;  // bytes came, the client left, the answer moved on
    async::Event room_;                      // the buffer was used up: read on
    RequestReader reader_;
    std::string buffer_;
    std::array<char, 16 * 1024> chunk_{};
    std::shared_ptr<AnswerQueue> queue_;
    bool has_ended_ = false;  // the client's side
    bool is_idle_ = true;
};

}  // namespace seyir::net

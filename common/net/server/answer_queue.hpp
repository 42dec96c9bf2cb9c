// SPDX-License-Identifier: Apache-2.0
// AnswerQueue: an answer on its way from a handler's thread to the connection's, bounded in bytes.
// Threads: respond/begin/write/end/abandon from any thread; next/client_gone/detach by the
// connection.   Errors: write() gives kClosed or what the connection ended with.
// Ownership: shared by both sides; after detach() it touches nothing of the connection.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/async/event.hpp"
#include "common/net/http.hpp"

namespace seyir::net {

class AnswerQueue {
  public:
    AnswerQueue(std::shared_ptr<async::Event> changed, size_t bytes_max);

    void respond(HttpResponse response);
    void begin(HttpResponse head);
    Result<void> write(std::string_view piece);
    void end();
    /// A last small piece, whatever waits before it.
    void end_with(std::string_view piece);
    /// As begin(): pieces are frames, which the connection sends as they are.
    void begin_websocket(HttpResponse head);
    /// As write(), but kBackpressure instead of blocking.
    Result<void> try_write(std::string_view piece);
    /// The handler is gone: an unanswered request gets 500, a stream without end is cut off.
    void abandon();
    bool cancelled() const;

    enum class Kind { kNothing, kWhole, kStreamHead, kWebSocketHead, kPiece, kEnd, kCutOff };

    struct Next {
        Kind kind = Kind::kNothing;
        HttpResponse response;  ///< kWhole, kStreamHead, kWebSocketHead
        std::string piece;      ///< kPiece: all that waits
    };

    Next next();
    /// The client has ended its side: the handler should stop, what it gives is still sent.
    void client_gone();
    /// The connection is over.
    void detach(Error why);

  private:
    enum class Stage { kPending, kHead, kStreaming, kEnded, kAbandoned, kTaken };

    void set_stage(Stage stage);

    const size_t bytes_max_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::shared_ptr<async::Event> changed_;
    Stage stage_ = Stage::kPending;
    bool is_stream_ = false;
    bool is_websocket_ = false;
    bool head_taken_ = false;
    bool client_gone_ = false;
    HttpResponse response_;
    std::string waiting_;
    std::optional<Error> detached_;
};

/// The handler's view of one request.
HttpExchangePtr make_exchange(HttpRequest request, std::shared_ptr<AnswerQueue> queue);
/// Lets the server finish the request (body decoding) before the handler sees it.
HttpRequest& mutable_request(HttpExchange& exchange);

}  // namespace seyir::net

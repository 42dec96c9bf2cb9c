// SPDX-License-Identifier: Apache-2.0
#include "common/net/server/answer_queue.hpp"

#include "common/base/log.hpp"
#include "common/net/http/websocket.hpp"

namespace seyir::net {

AnswerQueue::AnswerQueue(std::shared_ptr<async::Event> changed, size_t bytes_max)
    : bytes_max_(bytes_max), changed_(std::move(changed)) {}

void AnswerQueue::set_stage(Stage stage) {
    stage_ = stage;
    if (changed_) {
        changed_->set();
    }
}

void AnswerQueue::respond(HttpResponse response) {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kPending) {
        response_ = std::move(response);
        set_stage(Stage::kHead);
    }
}

void AnswerQueue::begin(HttpResponse head) {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kPending) {
        response_ = std::move(head);
        is_stream_ = true;
        set_stage(Stage::kStreaming);
    }
}

void AnswerQueue::begin_websocket(HttpResponse head) {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kPending) {
        response_ = std::move(head);
        is_stream_ = true;
        is_websocket_ = true;
        set_stage(Stage::kStreaming);
    }
}

Result<void> AnswerQueue::try_write(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    if (detached_) {
        return *detached_;
    }
    if (stage_ != Stage::kStreaming || client_gone_) {
        return fail(ErrorCode::kClosed, "the answer has ended already");
    }
    if (!waiting_.empty() && waiting_.size() + piece.size() > bytes_max_) {
        return fail(ErrorCode::kBackpressure, "the client reads too slowly");
    }
    waiting_.append(piece);
    if (changed_) {
        changed_->set();
    }
    return {};
}

Result<void> AnswerQueue::write(std::string_view piece) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
        return detached_ || waiting_.empty() || waiting_.size() + piece.size() <= bytes_max_;
    });
    if (detached_) {
        return *detached_;
    }
    if (stage_ != Stage::kStreaming) {
        return fail(ErrorCode::kClosed, "the answer has ended already");
    }
    waiting_.append(piece);
    if (changed_) {
        changed_->set();
    }
    return {};
}

void AnswerQueue::end() {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kStreaming) {
        set_stage(Stage::kEnded);
    }
}

void AnswerQueue::end_with(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kStreaming) {
        waiting_.append(piece);
        set_stage(Stage::kEnded);
    }
}

void AnswerQueue::abandon() {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kPending) {
        response_ =
            HttpResponse::error(500, fail(ErrorCode::kInternal, "the request was left unanswered"));
        set_stage(Stage::kHead);
    } else if (stage_ == Stage::kStreaming) {
        set_stage(Stage::kAbandoned);
    }
}

bool AnswerQueue::cancelled() const {
    const std::lock_guard lock(mutex_);
    return client_gone_ || detached_.has_value();
}

AnswerQueue::Next AnswerQueue::next() {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kHead) {
        stage_ = Stage::kTaken;
        return {.kind = Kind::kWhole, .response = std::move(response_), .piece = {}};
    }
    if (!is_stream_) {
        return {};
    }
    if (!head_taken_) {
        head_taken_ = true;
        return {
            .kind = is_websocket_ ? Kind::kWebSocketHead : Kind::kStreamHead,
            .response = std::move(response_),
            .piece = {}
        };
    }
    if (!waiting_.empty()) {
        Next next{.kind = Kind::kPiece, .response = {}, .piece = {}};
        next.piece.swap(waiting_);
        room_.notify_all();
        return next;
    }
    if (stage_ == Stage::kEnded) {
        return {.kind = Kind::kEnd, .response = {}, .piece = {}};
    }
    if (stage_ == Stage::kAbandoned) {
        return {.kind = Kind::kCutOff, .response = {}, .piece = {}};
    }
    return {};
}

void AnswerQueue::client_gone() {
    const std::lock_guard lock(mutex_);
    client_gone_ = true;
}

void AnswerQueue::detach(Error why) {
    const std::lock_guard lock(mutex_);
    detached_ = std::move(why);
    changed_.reset();
    room_.notify_all();
}

namespace {

constexpr size_t kFrameHeadBytesMax = 10;

class Exchange final : public HttpExchange {
  public:
    Exchange(HttpRequest request, std::shared_ptr<AnswerQueue> queue)
        : request_(std::move(request)), queue_(std::move(queue)) {}

    ~Exchange() override { queue_->abandon(); }

    const HttpRequest& request() const override { return request_; }

    void respond(HttpResponse response) override { queue_->respond(std::move(response)); }

    void begin_stream(HttpResponse head) override { queue_->begin(std::move(head)); }

    Result<void> write(std::string_view piece) override { return queue_->write(piece); }

    void end_stream() override { queue_->end(); }

    Result<void> begin_websocket() override {
        SEYIR_TRY(const std::string key, websocket_key(request_));
        HttpResponse head{.status = 101, .content_type = "", .body = "", .headers = {}};
        head.headers.emplace_back("Upgrade", "websocket");
        head.headers.emplace_back("Connection", "Upgrade");
        head.headers.emplace_back("Sec-WebSocket-Accept", websocket_accept(key));
        queue_->begin_websocket(std::move(head));
        return {};
    }

    Result<void> try_message(std::string_view text) override {
        std::string frame;
        frame.reserve(text.size() + kFrameHeadBytesMax);
        append_websocket_frame(frame, WebSocketOpcode::kText, text);
        return queue_->try_write(frame);
    }

    void end_websocket(uint16_t code, std::string_view reason) override {
        std::string frame;
        append_websocket_frame(
            frame, WebSocketOpcode::kClose, websocket_close_payload(code, reason)
        );
        queue_->end_with(frame);
    }

    bool cancelled() const override { return queue_->cancelled(); }

    HttpRequest& request_for_server() { return request_; }

  private:
    HttpRequest request_;
    std::shared_ptr<AnswerQueue> queue_;
};

}  // namespace

HttpExchangePtr make_exchange(HttpRequest request, std::shared_ptr<AnswerQueue> queue) {
    return std::make_shared<Exchange>(std::move(request), std::move(queue));
}

HttpRequest& mutable_request(HttpExchange& exchange) {
    return static_cast<Exchange&>(exchange).request_for_server();
}

}  // namespace seyir::net

// SPDX-License-Identifier: Apache-2.0
// AnswerStream: JSON written piece by piece. Small answers go out whole with their length; beyond
// kPieceBytes they are streamed, so that memory stays bounded by one piece.
// Threads: one owner.   Errors: remembered; after the first one everything written is dropped.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/net/http.hpp"

namespace seyir::collector::api {

class AnswerStream {
  public:
    static constexpr size_t kPieceBytes = 256 * 1024;

    explicit AnswerStream(net::HttpExchangePtr exchange) : exchange_(std::move(exchange)) {}

    /// Append to it, then call offer().
    std::string& out() { return buffer_; }

    /// False once the client has gone: stop producing.
    bool offer() {
        if (buffer_.size() >= kPieceBytes) {
            send();
        }
        return !failed_;
    }

    void finish() {
        if (!streaming_) {
            exchange_->respond(net::HttpResponse::json(std::move(buffer_)));
            return;
        }
        send();
        exchange_->end_stream();
    }

  private:
    void send() {
        if (!streaming_) {
            streaming_ = true;
            exchange_->begin_stream({});
        }
        if (!failed_ && !buffer_.empty()) {
            failed_ = !exchange_->write(buffer_).has_value();
        }
        buffer_.clear();
    }

    net::HttpExchangePtr exchange_;
    std::string buffer_;
    bool streaming_ = false;
    bool failed_ = false;
};

}  // namespace seyir::collector::api

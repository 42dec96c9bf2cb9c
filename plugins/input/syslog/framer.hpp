// SPDX-License-Identifier: Apache-2.0
// Framer: the messages in a stream of bytes, octet-counted or ended by a newline, told apart at
// each message, as senders mix them. Room: bytes -> messages. Threads: one owner.   Limits:
// message_bytes_max; what is longer is cut and its rest skipped. Spec: RFC 6587 section 3.4; RFC
// 5425 (TLS) is the octet-counted form alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace seyir::plugins::syslog {

class Framer {
  public:
    explicit Framer(size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

    /// `take` gets each message; the view lives until it returns. Empty messages are left out.
    void push(std::string_view bytes, const std::function<void(std::string_view)>& take);

    /// The stream has ended: a last message without its end counts too.
    void finish(const std::function<void(std::string_view)>& take);

    /// Messages that were cut, since the last call.
    uint64_t take_truncated() { return std::exchange(truncated_, 0); }

    /// Bytes of a message that is not whole yet.
    size_t pending_bytes() const { return pending_.size(); }

  private:
    enum class State { kBegin, kCount, kCounted, kLine };

    size_t step(std::string_view bytes, const std::function<void(std::string_view)>& take);
    void keep(std::string_view bytes);
    void give(const std::function<void(std::string_view)>& take);

    const size_t message_bytes_max_;
    State state_ = State::kBegin;
    std::string pending_;
    uint64_t left_ = 0;  ///< of a counted message
    bool is_cut_ = false;
    uint64_t truncated_ = 0;
};

}  // namespace seyir::plugins::syslog

// SPDX-License-Identifier: Apache-2.0
// ForwardLink: the part of a client's connection that ack tokens may touch: acks to write, the
// order to end it. Outlives the connection while a token holds it.
// Threads: thread-safe.   Ownership: shared by the connection, the server and tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/async/event.hpp"

namespace seyir::plugins::forward {

class ForwardLink {
  public:
    /// `writer` belongs to the connection's executor.
    explicit ForwardLink(std::shared_ptr<async::Event> writer) : writer_(std::move(writer)) {}

    // --- by tokens ---
    /// `chunk`: the option as it was encoded; "" when the client wants no ack.
    void answered(std::string_view chunk);
    /// The chunk is not safe: the connection ends without its ack, the client sends it again.
    void refused();

    // --- by the server ---
    void sent_on();  ///< one message more without an answer
    /// Ends the connection once everything has its answer.
    void finish();

    // --- by the connection ---
    struct Work {
        std::string bytes;
        bool ends = false;
    };

    Work take();
    /// The client does not read its acks: so it is not read either.
    bool is_backed_up() const;
    /// Later answers go nowhere.
    void close();

  private:
    void wake_locked();

    mutable std::mutex mutex_;
    std::shared_ptr<async::Event> writer_;
    std::string out_;
    uint64_t in_flight_ = 0;
    bool refused_ = false;
    bool finishing_ = false;
};

}  // namespace seyir::plugins::forward

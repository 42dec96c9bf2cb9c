// SPDX-License-Identifier: Apache-2.0
// Where other threads leave word for the journald input. Shared: tokens may outlive the input.
// Threads: thread-safe.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "agent/input/journald/journald_input.hpp"

namespace seyir::agent::input {

class JournaldInput::Inbox {
  public:
    struct Ack {
        uint64_t batch_id = 0;
        bool is_safe = false;
        bool is_rewind = false;
    };

    struct Content {
        std::vector<Ack> acks;
        std::vector<std::pair<uint64_t, Result<pipeline::CommittedAnswer>>> answers;
        bool store_changed = false;
    };

    static Result<std::shared_ptr<Inbox>> make();
    ~Inbox();

    int fd() const { return fd_; }

    void wake() const;
    void put_ack(Ack ack);
    void put_answer(uint64_t ask_id, Result<pipeline::CommittedAnswer> answer);
    void put_store_changed();
    Content take();

  private:
    explicit Inbox(int fd) : fd_(fd) {}

    const int fd_;
    std::mutex mutex_;
    Content content_;
};

}  // namespace seyir::agent::input

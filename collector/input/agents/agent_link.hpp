// SPDX-License-Identifier: Apache-2.0
// AgentLink: the part of an agent's connection that other threads may touch: answers queued by ack
// tokens, probes and fences by newer connections. Outlives the connection while a token holds it.
// Threads: thread-safe.
// Ownership: shared by the connection, the directory and the tokens of its frames.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/async/event.hpp"
#include "common/wire/messages.hpp"

namespace seyir::collector::input {

class AgentLink {
  public:
    /// Both events belong to the connection's executor.
    AgentLink(std::shared_ptr<async::Event> writer, std::shared_ptr<async::Event> reader);

    // --- by anybody ---
    /// Queues the answer and gives the frame's bytes back.
    void answer(const wire::Ack& ack, uint32_t retry_after_ms, uint64_t raw_bytes);
    /// Asks the agent for a sign of life; `on_answer` is set when it comes or the link closes.
    void probe(std::shared_ptr<async::Event> on_answer);
    /// Ends the connection with a refusal.
    void fence(std::string why);
    /// Ends it politely once everything under way is answered.
    void finish();
    bool alive() const;
    /// True when the agent answered after the last probe, or cannot because we do not read.
    bool answered_probe() const;

    // --- by the connection ---
    void queue(const std::string& bytes);
    void took_frame(uint64_t raw_bytes);
    void on_pong();
    void set_paused(bool paused);
    uint64_t in_flight_bytes() const;

    struct Work {
        std::string bytes;
        bool fenced = false;
        std::string fence_reason;
        bool finished = false;  ///< finish() was called and nothing is under way
    };

    Work take();
    /// Detaches the events; later answers go nowhere.
    void close();

  private:
    void wake_locked();
    void end_probe_locked();

    mutable std::mutex mutex_;
    std::shared_ptr<async::Event> writer_;
    std::shared_ptr<async::Event> reader_;
    std::vector<std::shared_ptr<async::Event>> waiters_;
    std::string out_;
    std::string fence_reason_;
    uint64_t in_flight_bytes_ = 0;
    uint64_t frames_in_flight_ = 0;
    bool probe_open_ = false;
    bool fenced_ = false;
    bool finishing_ = false;
    bool paused_ = false;
    bool closed_ = false;
};

}  // namespace seyir::collector::input
